"""The bounded models that ship with coordfsm, one file a model or family of models."""

"""The bounded models that ship with coordfsm, one file a model or a small family of models.

A file is found by being here. It exposes either `build`, and the model has the file's name, or
``MODELS: dict[str, builder]``. Optional: ``DEFAULTS: dict[str, tuple[dict[str, Any], ...]]``, per model the sets of
parameters that ``coordfsm verify`` explores without arguments (absent: once, with the defaults; an empty tuple: never),
and ``FUZZ``, of the same shape, those that ``coordfsm fuzz`` runs at random without arguments (absent: none).

A builder is a function of keyword parameters that all have defaults and returns a `Model` whose `name` is the
model's name and whose `parameters` are the ones it was called with. Types, ranges and help of the parameters
stand in its signature (`coordfsm.check.modelling.parameters`); the first line of its docstring describes the model.
"""

"""How models are explored: the meaning of a step, the reference explorer, reductions, random walks, and the report."""

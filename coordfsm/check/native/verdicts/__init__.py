"""Properties at native speed: of states, of tuples of observations, and of whole executions."""

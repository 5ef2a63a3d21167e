"""How long a node takes to recover its migrations from its store; run with ``python -m bench.recovery``."""

"""How long a node takes to recover a large store; run with ``python -m bench.recovery``."""

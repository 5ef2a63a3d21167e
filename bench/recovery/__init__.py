"""How long a node takes to recover a large store: ``python -m bench.recovery``, ``python -m bench.recovery.node``."""

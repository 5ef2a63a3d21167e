"""How fast entities move between two real processes, durably; run with ``python -m bench.migration``."""

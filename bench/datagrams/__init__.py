"""How many datagrams a core carries; run with ``python -m bench.datagrams``."""

"""The design that coordination replaces, on the same kernel, and one command that measures both.

All-to-all heartbeats say who is alive, a bully election says who leads, and a tick of fixed length asks whether there
is something to broadcast. ``python -m bench.baseline`` compares it with coordfsm.
"""

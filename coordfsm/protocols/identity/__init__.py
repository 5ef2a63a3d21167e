"""Store identity: whether the store that a process started with is the newest of its name, and the only one.

A store is recognized by the member that keeps its records in it. The other members remember how far they saw it come.
"""

"""Traces of running nodes: recorded, stepped again, audited."""

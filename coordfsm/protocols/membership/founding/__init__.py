"""Founding: whether a cluster may be founded here, asked of all seeds first."""

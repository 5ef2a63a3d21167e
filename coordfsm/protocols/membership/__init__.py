"""Membership: who is in the cluster. Failure detector, cut detector, view change, lifecycle."""

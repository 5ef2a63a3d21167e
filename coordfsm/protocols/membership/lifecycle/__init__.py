"""A process on its way into the cluster, in it, cut off from it, and out of it."""

"""One decision per view: consensus on the cut, its handover, and how those who lag behind catch up."""

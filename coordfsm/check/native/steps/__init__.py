"""Local steps as arrays, filled on demand, and how compiled code reads them."""

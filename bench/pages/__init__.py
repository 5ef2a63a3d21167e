"""What live pages cost a node: see `__main__`."""

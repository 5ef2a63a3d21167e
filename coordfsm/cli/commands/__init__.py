"""One file per command: its arguments, and one call."""

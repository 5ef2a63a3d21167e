"""What runs the machines of one process: clock, effects in their order, commands in and events out."""

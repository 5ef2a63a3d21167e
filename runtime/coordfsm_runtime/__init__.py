"""Runs the machines in real processes: sockets, clocks and disks live here, decisions do not."""

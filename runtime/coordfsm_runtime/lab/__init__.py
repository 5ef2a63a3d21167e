"""Real processes on one machine, a load, and a network that misbehaves: for trying out, the demo and tests."""

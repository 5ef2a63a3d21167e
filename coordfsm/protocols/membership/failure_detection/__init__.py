"""Who does not answer: one failure detector per monitored member, and the health of the monitor itself."""

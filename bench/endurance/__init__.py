"""The gateway under a bounded load for minutes, through the death of a broker: memory, latency, nothing lost."""

"""The load generator: Go, or Python where there is no Go."""

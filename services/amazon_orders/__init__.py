"""Amazon's orders: read by polling, published as facts."""

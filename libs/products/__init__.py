"""What is known of products, put together: several services tell of one product, and none forgets what another told."""

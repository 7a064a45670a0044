"""The webhook gateway against other ways to take webhooks into Kafka."""

"""Job queues on one PostgreSQL: ours, procrastinate, pgqueuer."""

"""The read model questions: one row per question."""

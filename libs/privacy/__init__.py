"""Personal data in topics and read models: sealed with its person's own key, gone when that key is destroyed."""

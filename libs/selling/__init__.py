"""Where goods are offered: one contract for every marketplace that listings are published on."""

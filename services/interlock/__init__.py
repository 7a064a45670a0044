"""The interlock: a physical unit that is sold on one marketplace is taken off all others, and is never sold twice."""

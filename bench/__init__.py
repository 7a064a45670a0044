"""The benchmarks: sellstream and its peers, side by side on the same Kafka and PostgreSQL. Run by `make bench`."""

PARTITIONS = 6
"""Of every topic in the benchmarks: as many as sellstream's own topics have."""

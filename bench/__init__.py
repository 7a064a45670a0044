"""The benchmarks: sellstream and its peers, side by side on the same Kafka and PostgreSQL. Run by `make bench`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: `python -m bench.…` finds the peers from here."""

PARTITIONS = 6
"""Of every topic in the benchmarks: as many as sellstream's own topics have."""

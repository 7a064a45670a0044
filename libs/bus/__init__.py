"""Kafka for the rest of the program. Whatever is used of it, its client's known defects are mended first."""

from libs.bus.closed_transport import mend

mend()

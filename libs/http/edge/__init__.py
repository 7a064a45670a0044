"""A small, strict HTTP/1.1 server for one job: many short POSTs whose answer waits for something durable.

`httptools` (llhttp) parses; this package keeps the limits, the order of answers and the timeouts. Whatever is not such
a POST is handed over, with its connection, to the aiohttp application of the same process.
"""

from libs.http.edge.exchange import Broken, Exchange, Limits, Route, Router
from libs.http.edge.protocol import EdgeProtocol
from libs.http.edge.server import EdgeServer

__all__ = ["Broken", "EdgeProtocol", "EdgeServer", "Exchange", "Limits", "Route", "Router"]

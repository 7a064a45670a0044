"""The processes that make up sellstream: the one table that `up`, `status`, `doctor` and docker-compose.yml follow."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from libs.stack import StackError


@dataclass(frozen=True)
class ServiceSpec:
    """A service: `python -m <module>`, listening on `port` unless `<NAME>_PORT` says otherwise."""

    name: str
    module: str
    port: int

    @property
    def port_variable(self) -> str:
        return f"{self.name.upper()}_PORT"

    def port_in(self, environ: Mapping[str, str]) -> int:
        """The port to use in this environment. Raises StackError when the variable is no port number."""
        text = environ.get(self.port_variable) or str(self.port)
        if not (text.isdecimal() and 0 < int(text) < 65536):
            raise StackError(
                f"{self.port_variable} is {text!r}: set it to a port number (1 to 65535), or leave it out."
            )
        return int(text)


GATEWAY = ServiceSpec("webhook_gateway", "services.webhook_gateway", 8080)
MERCADOLIBRE_API = ServiceSpec("mercadolibre_api", "services.mercadolibre_api", 8083)
EBAY_SYNC = ServiceSpec("ebay_sync", "services.ebay_sync", 8084)
CATALOG = ServiceSpec("catalog", "services.catalog", 8085)
STOCKX_POLLER = ServiceSpec("stockx_poller", "services.stockx_poller", 8086)
PRODUCT_SEARCH = ServiceSpec("product_search", "services.product_search", 8087)
MARKET_DATA = ServiceSpec("market_data", "services.market_data", 8088)
SANDBOX = ServiceSpec("sandbox", "services.sandbox", 8090)

SERVICES = (
    GATEWAY,
    ServiceSpec("mercadolibre_enricher", "services.mercadolibre_enricher", 8081),
    ServiceSpec("projector", "services.projector", 8082),
    MERCADOLIBRE_API,
    EBAY_SYNC,
    CATALOG,
    ServiceSpec("privacy", "services.privacy", 8089),
    ServiceSpec("matcher", "services.matcher", 8091),
    ServiceSpec("publisher", "services.publisher", 8092),
    ServiceSpec("order_desk", "services.order_desk", 8093),
    ServiceSpec("interlock", "services.interlock", 8094),
    ServiceSpec("pricing", "services.pricing", 8095),
    ServiceSpec("exchange_rates", "services.exchange_rates", 8096),
    ServiceSpec("amazon_orders", "services.amazon_orders", 8097),
    STOCKX_POLLER,
    PRODUCT_SEARCH,
    MARKET_DATA,
    SANDBOX,
)

# Run once, in this order, before any service starts: arguments of the command `sellstream`. Each may be run again.
PREPARE = (("topics", "apply"), ("db", "migrate"), ("secrets", "init"))


def sellstream_command(*arguments: str) -> list[str]:
    """The argv that runs a `sellstream` command with this Python."""
    return [sys.executable, "-m", "services.ops.cli", *arguments]

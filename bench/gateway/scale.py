"""How much is sent to each server of the gateway benchmark."""

from dataclasses import dataclass, replace

from bench.gateway.load import Plan


@dataclass(frozen=True)
class GatewayScale:
    """How much is sent to each server in a round: a warm-up, and so many turns, each of a closed and an open loop.

    `closed` and `opened`: requests of one turn. `rate`: requests per second of the open loop, the same for everybody.
    """

    warm_up: int
    turns: int
    closed: int
    opened: int
    rate: float
    connections: int = 256

    @property
    def deliveries(self) -> int:
        return self.warm_up + self.turns * (self.closed + self.opened)

    def with_connections(self, connections: int) -> "GatewayScale":
        return replace(self, connections=connections)

    def warming(self) -> Plan:
        return Plan(0, self.warm_up, self.connections)

    def turn(self, number: int) -> tuple[Plan, Plan]:
        """The closed and the open loop of a turn (0, 1, …): no delivery is sent twice."""
        first = self.warm_up + number * (self.closed + self.opened)
        return (
            Plan(first, self.closed, self.connections),
            Plan(first + self.closed, self.opened, self.connections, self.rate),
        )

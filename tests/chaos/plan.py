"""What a scenario does, decided by its seed alone: seconds of traffic, and what happens to the system meanwhile."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.chaos.evidence import FACTS

SECONDS = 8.0
"""How long traffic flows; every trouble begins and ends within it, a little later at most."""

ZOMBIE_SECONDS = 11.0
"""Longer than the 10 s after which Kafka takes a silent consumer out of its group."""

SERVICES = ("webhook_gateway", "mercadolibre_enricher", "projector")
REPLICATED = ("mercadolibre_enricher", "projector")
READ_MODELS = FACTS

Setting = Literal["single", "cluster", "full disk"]
"""One broker; three brokers with min.insync 2; one broker whose disk is small, as is that of the gateway's spool."""

Value = str | float | int


@dataclass(frozen=True)
class Action:
    """One trouble: when it begins (seconds after the traffic), what, to whom, and for how long."""

    at: float
    kind: str
    target: str = ""
    seconds: float = 0.0
    details: tuple[tuple[str, Value], ...] = ()

    def detail(self, name: str, default: Value = "") -> Value:
        return dict(self.details).get(name, default)

    @property
    def fault(self) -> str:
        """What kind of trouble this is, as it is counted over many scenarios."""
        match self.kind:
            case "kill":
                return f"SIGKILL: {self.target}"
            case "freeze":
                return f"{'zombie' if self.seconds >= ZOMBIE_SECONDS else 'SIGSTOP'}: {self.target}"
            case "network":
                return f"network {self.detail('trouble')}: {self.target}"
            case "broker" | "postgres":
                return f"{self.kind} {self.detail('how')}"
            case "replica":
                return f"rebalance: {self.target} joins, leaves by {self.detail('leaves')}"
            case "inject":
                return f"record: {self.detail('what')}"
            case "marketplace":
                return f"marketplace: {self.detail('fault')}"
            case "bad notifications":
                return f"bad notifications: {self.target}"
            case "service clock":
                return f"clock jumps {'forward' if float(self.detail('by')) > 0 else 'back'}: {self.target}"
            case "replay":
                return f"replay: {'notifications' if self.target == 'webhooks' else 'facts'}"
        return self.kind

    @property
    def takes_away(self) -> bool:
        """Whether a command may fail because of this: a server is away, or a frozen projector holds its tables."""
        match self.kind:
            case "network":
                return self.target.startswith(("kafka-", "postgres"))
            case "freeze":
                return self.target == "projector"
            case _:
                return self.kind in ("broker", "postgres", "fill disk")

    def __str__(self) -> str:
        how = " ".join(f"{name}={value}" for name, value in self.details)
        lasting = f"for {self.seconds} s" if self.seconds else ""
        return " ".join(filter(None, (f"{self.at:5.2f} s", self.kind, self.target, lasting, how)))


@dataclass(frozen=True)
class Traffic:
    """Changes per second, shares of disorder (0 to 1)."""

    rate: float
    duplicates: float
    reordering: float
    poison: float


@dataclass(frozen=True)
class Plan:
    """A whole scenario."""

    seed: int
    setting: Setting
    traffic: Traffic
    actions: tuple[Action, ...] = field(default=())

    def __str__(self) -> str:
        head = f"seed {self.seed}, {self.setting}: {SECONDS} s of {self.traffic}"
        return "\n".join([head, *(f"  {action}" for action in self.actions)])


def setting_of(seed: int) -> Setting:
    """Of 20 seeds in a row one needs three brokers and one small disks: they cost more."""
    if seed % 20 == 7:
        return "cluster"
    return "full disk" if seed % 20 == 13 else "single"


def plan(seed: int) -> Plan:
    """The scenario of a seed: always the same."""
    chance = random.Random(f"sellstream chaos {seed}")
    setting = setting_of(seed)
    traffic = Traffic(
        rate=chance.choice((8, 15, 25)),
        duplicates=chance.choice((0, 0.1, 0.3)),
        reordering=chance.choice((0, 0.2, 0.4)),
        poison=chance.choice((0, 0, 0.03)),
    )
    actions: list[Action] = []
    if setting == "single":
        families = chance.choices(list(_FAMILIES), weights=[weight for _, weight in _FAMILIES.values()], k=8)
        for name in list(dict.fromkeys(families))[: chance.choice((1, 2, 3, 3, 4))]:
            actions += _FAMILIES[name][0](chance)
    elif setting == "cluster":
        actions += _one_broker_of_three(chance)
        actions += chance.choice((_kills, _poison, _replicas))(chance)
    else:
        actions += _full_disk(chance) if seed % 40 == 13 else _full_spool(chance)
        actions += chance.choice((_kills, _poison))(chance)
    return Plan(seed, setting, traffic, tuple(sorted(_possible(actions), key=lambda action: action.at)))


def _possible(actions: Sequence[Action]) -> list[Action]:
    """Beside a revoked token, leave out whatever could lose the answer to its refresh (docs/chaos.md, "Not done")."""
    if not any(action.detail("fault") == "unauthorized" for action in actions):
        return list(actions)
    return [action for action in actions if not _may_lose_answers(action)]


def _may_lose_answers(action: Action) -> bool:
    match action.kind:
        case "kill" | "freeze" | "replica":
            return action.target in ("mercadolibre_enricher", "sandbox")
        case "network":
            return action.target in ("api", "postgres")
        case _:
            return action.kind == "postgres"


def _early(chance: random.Random) -> float:
    return round(chance.uniform(0.3, SECONDS * 0.6), 2)


def _short(chance: random.Random) -> float:
    return round(chance.uniform(0.3, 3.0), 2)


def _kills(chance: random.Random) -> list[Action]:
    """SIGKILL: one service several times, or several at once."""
    if chance.random() < 0.4:
        at = _early(chance)
        return [Action(at, "kill", name) for name in chance.sample(SERVICES, k=chance.choice((2, 3)))]
    name = chance.choice(SERVICES)
    return [Action(_early(chance), "kill", name) for _ in range(chance.choice((1, 2, 3)))]


def _freezes(chance: random.Random) -> list[Action]:
    """SIGSTOP and SIGCONT; the sandbox may freeze too: a marketplace that neither answers nor sends."""
    names = chance.sample((*SERVICES, "sandbox"), k=chance.choice((1, 1, 2)))
    return [Action(_early(chance), "freeze", name, _short(chance)) for name in names]


def _network(chance: random.Random) -> list[Action]:
    """One link is cut, silenced or slowed, for everybody or for one client."""
    found: list[Action] = []
    for link in chance.sample(("webhooks", "api", "postgres", "kafka-1"), k=chance.choice((1, 1, 2))):
        trouble: list[tuple[str, Value]] = [("trouble", chance.choice(("cut", "silent", "slow")))]
        if trouble[0][1] == "slow":
            trouble += [("delay", chance.choice((0.02, 0.1, 0.3))), ("rate", chance.choice((20_000, 200_000)))]
        clients = {"webhooks": (), "api": ("mercadolibre_enricher",), "postgres": REPLICATED, "kafka-1": SERVICES}[link]
        if clients and chance.random() < 0.5:
            trouble.append(("only", chance.choice(clients)))
        found.append(Action(_early(chance), "network", link, _short(chance), tuple(trouble)))
    return found


def _flapping(chance: random.Random) -> list[Action]:
    """A link that is cut again and again for a moment: connections break in the middle of everything."""
    link, at = chance.choice(("webhooks", "api", "postgres", "kafka-1")), _early(chance)
    return [
        Action(round(at + 0.4 * number, 2), "network", link, 0.1, (("trouble", "cut"),))
        for number in range(chance.randint(3, 6))
    ]


def _broker(chance: random.Random) -> list[Action]:
    how = chance.choice(("kill", "kill", "freeze", "restart"))
    return [Action(_early(chance), "broker", "kafka-1", _short(chance), (("how", how),))]


def _postgres(chance: random.Random) -> list[Action]:
    how = chance.choice(("kill", "kill", "freeze", "restart"))
    return [
        Action(round(_early(chance) + 2.5 * number, 2), "postgres", "", _short(chance), (("how", how),))
        for number in range(chance.choice((1, 1, 2)))
    ]


def _away_and_killed(chance: random.Random) -> list[Action]:
    """The broker is away or frozen and the gateway dies meanwhile, deliveries in its spool: what was on the wire may
    arrive late, or never. Its successor starts without a broker.
    """
    at, seconds = _early(chance), round(chance.uniform(2.0, 5.0), 2)
    broker = Action(at, "broker", "kafka-1", seconds, (("how", chance.choice(("kill", "freeze", "freeze"))),))
    moments = [round(at + chance.uniform(0.1, seconds + 0.5), 2) for _ in range(chance.choice((1, 2)))]
    return [broker, *(Action(moment, "kill", "webhook_gateway") for moment in moments)]


def _full_disk(chance: random.Random) -> list[Action]:
    return [Action(_early(chance), "fill disk", seconds=round(chance.uniform(2, 4), 2))]


def _full_spool(chance: random.Random) -> list[Action]:
    """The broker is away, and the disk that deliveries are spooled to is full for a part of that time."""
    at, how = round(chance.uniform(0.3, 2.0), 2), chance.choice(("kill", "freeze"))
    broker = Action(at, "broker", "kafka-1", round(chance.uniform(4, 5), 2), (("how", how),))
    return [
        broker,
        Action(round(at + chance.uniform(0.1, 1.0), 2), "fill spool", seconds=round(chance.uniform(1, 3), 2)),
    ]


def _zombie(chance: random.Random) -> list[Action]:
    """A consumer is frozen for longer than its group waits; another takes its partitions; then it wakes up."""
    name, at = chance.choice(REPLICATED), round(chance.uniform(2.0, 3.0), 2)
    leaves = (("leaves", chance.choice(("stop", "kill"))),)
    return [Action(0.1, "replica", name, 13.5, leaves), Action(at, "freeze", name, ZOMBIE_SECONDS)]


def _replicas(chance: random.Random) -> list[Action]:
    """A second replica joins and leaves: two rebalances."""
    name, seconds = chance.choice(REPLICATED), round(chance.uniform(2.5, 5), 2)
    return [Action(_early(chance) / 2, "replica", name, seconds, (("leaves", chance.choice(("stop", "kill"))),))]


def _poison(chance: random.Random) -> list[Action]:
    """Records that nobody should have written, straight into the topics."""
    return [
        Action(
            _early(chance),
            "inject",
            chance.choice(("webhooks", *READ_MODELS)),
            details=(("what", chance.choice(INJECTIONS)),),
        )
        for _ in range(chance.randint(2, 4))
    ]


INJECTIONS = (
    "garbage",
    "half a document",
    "no headers",
    "unknown type",
    "future version",
    "broken time",
    "no id",
    "tombstone",
    "copy",
    "far time",
    "old state",
    "for another",
)


MARKETPLACE_FAULTS = ("outage", "rate_limited", "garbage", "timeout", "slow", "unauthorized", "partial", "blocked")


def _marketplace(chance: random.Random) -> list[Action]:
    """The marketplace's API misbehaves."""
    fault = chance.choice(
        ("outage", "rate_limited", "garbage", "timeout", "slow", "unauthorized", "partial", "blocked")
    )
    details: list[tuple[str, Value]] = [("fault", fault), ("probability", chance.choice((0.3, 0.7, 1.0)))]
    if fault in ("outage", "rate_limited"):
        details.append(("retry_after", chance.choice((1, 2))))
    if fault in ("timeout", "slow"):
        details.append(("delay", chance.choice((0.5, 2))))
    if fault == "garbage":
        details.append(("garbage", chance.choice(("truncated", "html", "empty", "binary"))))
    return [Action(_early(chance), "marketplace", "mercadolibre", round(chance.uniform(1, 4), 2), tuple(details))]


def _bad_notifications(chance: random.Random) -> list[Action]:
    return [
        Action(_early(chance), "bad notifications", name)
        for name in chance.sample(("mercadolibre", "ebay", "square"), k=chance.choice((1, 2)))
    ]


def _clock(chance: random.Random) -> list[Action]:
    """The marketplace's clock jumps forward: many retries fall due at once."""
    return [Action(_early(chance), "clock", details=(("forward", chance.choice((60, 600, 3600))),))]


def _service_clocks(chance: random.Random) -> list[Action]:
    """The clock of one service, or of all at once, jumps by up to an hour, and later back to what it was."""
    names = chance.choice((*((name,) for name in SERVICES), SERVICES))
    by = chance.choice((-3600, -90, -5, 5, 90, 3600))
    at, seconds = _early(chance), round(chance.uniform(1, 4), 2)
    return [Action(at, "service clock", name, seconds, (("by", by),)) for name in names]


def _rebuild(chance: random.Random) -> list[Action]:
    """A read model is rebuilt under traffic; sometimes the rebuild is killed on its way."""
    killed = chance.choice((0.0, 0.0, round(chance.uniform(0.8, 3.0), 2)))
    return [Action(_early(chance), "rebuild", chance.choice(READ_MODELS), killed)]


def _replay(chance: random.Random) -> list[Action]:
    """A whole topic is delivered once more, to its consumer; sometimes the command is killed on its way."""
    killed = chance.choice((0.0, 0.0, round(chance.uniform(1.5, 3.0), 2)))
    return [Action(_early(chance), "replay", chance.choice(("webhooks", "webhooks", *READ_MODELS)), killed)]


def _one_broker_of_three(chance: random.Random) -> list[Action]:
    """Only one at a time: two copies stay in sync, so nothing may stop for long."""
    name = chance.choice(("kafka-1", "kafka-2", "kafka-3"))
    how = chance.choice(("kill", "kill", "freeze", "restart"))
    return [Action(_early(chance), "broker", name, round(chance.uniform(1.5, 5), 2), (("how", how),))]


_FAMILIES: dict[str, tuple[Callable[[random.Random], list[Action]], float]] = {
    "kills": (_kills, 4),
    "freezes": (_freezes, 3),
    "network": (_network, 4),
    "flapping": (_flapping, 2),
    "broker": (_broker, 3),
    "postgres": (_postgres, 3),
    "away and killed": (_away_and_killed, 3),
    "replicas": (_replicas, 3),
    "zombie": (_zombie, 0.7),
    "poison": (_poison, 3),
    "marketplace": (_marketplace, 3),
    "bad notifications": (_bad_notifications, 1),
    "clock": (_clock, 2),
    "service clocks": (_service_clocks, 2),
    "rebuild": (_rebuild, 1),
    "replay": (_replay, 1),
}

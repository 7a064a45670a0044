"""The gateway benchmark's plan: every delivery is sent once, and every server has each place in the order."""

from bench.gateway.scale import GatewayScale
from bench.turns import moved_on


def test_the_loops_of_a_round_send_every_delivery_once() -> None:
    scale = GatewayScale(warm_up=7, turns=3, closed=11, opened=5, rate=100)
    plans = [scale.warming(), *(plan for turn in range(scale.turns) for plan in scale.turn(turn))]
    sent = [number for plan in plans for number in range(plan.first, plan.first + plan.count)]
    assert sent == list(range(scale.deliveries))
    assert [plan.rate for plan in plans] == [0, 0, 100, 0, 100, 0, 100]
    assert {plan.connections for plan in (scale.with_connections(9).warming(), *scale.with_connections(9).turn(1))} == {
        9
    }


def test_every_server_is_once_the_first_and_once_the_last() -> None:
    orders = [moved_on("abc", turn) for turn in range(3)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]
    assert moved_on("abc", 4) == orders[1]
    assert moved_on("", 4) == []

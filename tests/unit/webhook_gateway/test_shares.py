"""The room is never overdrawn, nobody can have all of it, and a flood leaves room for whoever comes next."""

from hypothesis import given
from hypothesis import strategies as st

from services.webhook_gateway.shares import Shares, account_of

accounts = st.sampled_from([b"a", b"b", b"c"])


@given(st.lists(st.tuples(accounts, st.integers(1, 400), st.booleans()), max_size=200))
def test_what_is_held_is_what_was_taken_and_fits(steps: list[tuple[bytes, int, bool]]) -> None:
    shares = Shares(1000)
    held: list[tuple[bytes, int]] = []
    for account, size, gives_back in steps:
        if gives_back and held:
            shares.give_back(*held.pop())
        elif shares.take(account, size):
            held.append((account, size))
        assert shares.used == sum(taken for _, taken in held) <= 1000
    for taken in held:
        shares.give_back(*taken)
    assert shares.used == 0
    assert shares.take(b"a", 888)


@given(st.integers(1, 6), st.integers(1, 10))
def test_floods_share_equally_and_leave_room_for_the_next(floods: int, size: int) -> None:
    room = 100_000
    shares = Shares(room)
    taken = dict.fromkeys(range(floods), 0)
    going = set(taken)
    while going:
        for flood in sorted(going):
            if shares.take(b"%d" % flood, size):
                taken[flood] += size
            else:
                going.discard(flood)
    assert max(taken.values()) - min(taken.values()) <= 2 * size * floods
    assert shares.used > room * 8 // 9 - 20 * size
    assert shares.take(b"newcomer", (room - shares.used) // 2)


def test_a_records_key_names_marketplace_and_account() -> None:
    assert account_of(b"square:shop:M1:order:7") == b"square:shop"
    assert account_of(b"alone") == b"alone"
    assert account_of(b"square:shop") == b"square:shop"


@given(st.text(st.sampled_from("ab:")).map(str.encode))
def test_marketplace_and_account_are_the_first_two_parts_of_a_key(key: bytes) -> None:
    assert account_of(key) == b":".join(key.split(b":")[:2])

"""What to ask StockX next: laws of the scheduler, of batching and of pacing. No I/O."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.stockx.batch import BatchKind
from services.stockx_poller.batching import WORTH_A_BATCH, next_write
from services.stockx_poller.pacing import MOST_STRETCH, Backoff, stretch
from services.stockx_poller.plan import Load, plan
from services.stockx_poller.scheduler import IDLE, MOST_VARIANTS, Rules, next_call, refresh
from services.stockx_poller.situation import (
    Kind,
    LookAtOperations,
    LookForDoubtful,
    Poll,
    PollBatch,
    PollListing,
    Quotas,
    Refresh,
    Round,
    SendBatch,
    SendOne,
    Situation,
    Stale,
    Wait,
    Waiting,
)

RULES = Rules(pace=1.1, reserve=1_000, largest=100, gather=1.0)
PLENTY = Quotas(requests=25_000, day_ends_in=86_400.0, items=500, items_free_in=0.0)

due = st.none() | st.floats(-100, 100)
waiting = st.lists(
    st.builds(
        Waiting,
        id=st.uuids().map(str),
        kind=st.sampled_from(Kind),
        age=st.floats(0, 1_000),
        alone=st.booleans(),
    ),
    max_size=130,
    unique_by=lambda each: each.id,
)
quotas = st.builds(
    Quotas,
    requests=st.integers(0, 25_000),
    day_ends_in=st.floats(0, 86_400),
    items=st.integers(0, 500),
    items_free_in=st.floats(0, 400),
)
situations = st.builds(
    Situation,
    quotas=quotas,
    waiting=waiting,
    doubts_due_in=due,
    polls=st.lists(st.builds(Poll, name=st.text("ab", min_size=1), due_in=st.floats(-100, 100), batch=st.booleans())),
    stale=st.lists(st.builds(Stale, listing_id=st.uuids().map(str), variant_id=st.none() | st.text("xyz", min_size=1))),
    looks=st.lists(st.text("ab", min_size=1), max_size=3),
    orders_due_in=due,
    history_due_in=due,
    sweep_due_in=due,
    swept=st.booleans(),
    wrote_last=st.booleans(),
)


@given(situations)
def test_what_is_called_may_be_called_and_a_pause_has_an_end(situation: Situation) -> None:
    call = next_call(situation, RULES)
    by_id = {each.id: each for each in situation.waiting}
    if isinstance(call, Wait):
        assert 0 < call.seconds <= IDLE
        return
    assert situation.quotas.requests > 0, "nothing is asked without a request left"
    if isinstance(call, SendOne | SendBatch):
        ids = (call.id,) if isinstance(call, SendOne) else call.ids
        assert len(set(ids)) == len(ids)
        assert situation.swept or all(by_id[each].kind is not Kind.CREATE for each in ids)
    elif not isinstance(call, LookForDoubtful):
        assert situation.quotas.requests > RULES.reserve, "the reserve is for commands"
    if isinstance(call, SendBatch):
        assert WORTH_A_BATCH <= len(call.ids) <= min(RULES.largest, situation.quotas.items)
        assert {by_id[each].kind.batch for each in call.ids} == {call.kind}
        assert not any(by_id[each].alone for each in call.ids)
    if isinstance(call, PollBatch | PollListing):
        chosen = min(situation.polls, key=lambda each: each.due_in)
        assert chosen.due_in <= 0, "nothing is asked before its time"
        name = call.batch_no if isinstance(call, PollBatch) else call.listing_id
        assert name == chosen.name, "what is overdue for longest comes first"


@given(situations.filter(lambda each: each.swept and each.quotas.requests > RULES.reserve))
def test_whatever_is_due_is_not_slept_over(situation: Situation) -> None:
    call = next_call(situation, RULES)
    rounds = (situation.doubts_due_in, situation.orders_due_in, situation.history_due_in, situation.sweep_due_in)
    something = (
        any(each is not None and each <= 0 for each in rounds)
        or any(each.due_in <= 0 for each in situation.polls)
        or bool(situation.stale or situation.looks)
    )
    assert not (something and isinstance(call, Wait))


@given(situations)
def test_a_write_and_a_poll_take_turns(situation: Situation) -> None:
    busy = replace(
        situation,
        quotas=PLENTY,
        swept=True,
        doubts_due_in=None,
        waiting=[Waiting("w", Kind.UPDATE, 10.0)],
        polls=[Poll("p", -1.0)],
    )
    assert next_call(replace(busy, wrote_last=False), RULES) == SendOne("w")
    assert next_call(replace(busy, wrote_last=True), RULES) == PollListing("p")


def test_the_order_of_what_is_left() -> None:
    everything = Situation(
        PLENTY,
        doubts_due_in=-1.0,
        stale=[Stale("s", "v")],
        looks=["l"],
        orders_due_in=-1.0,
        history_due_in=-1.0,
        sweep_due_in=-1.0,
    )
    steps = [
        (LookForDoubtful(), {"doubts_due_in": None}),
        (Refresh(("s",), ()), {"stale": ()}),
        (LookAtOperations("l"), {"looks": ()}),
        (Round.ORDERS, {"orders_due_in": None}),
        (Round.HISTORY, {"history_due_in": 7.0}),
        (Round.SWEEP, {"sweep_due_in": None}),
        (Wait(7.0), {}),
    ]
    for expected, done in steps:
        assert next_call(everything, RULES) == expected
        everything = replace(everything, **done)  # type: ignore[arg-type]  # the fields of Situation


def test_nothing_is_created_before_all_listings_were_read() -> None:
    fresh = Situation(PLENTY, waiting=[Waiting("c", Kind.CREATE, 9.0)], swept=False)
    assert next_call(fresh, RULES) is Round.SWEEP
    assert next_call(replace(fresh, swept=True), RULES) == SendOne("c")


@given(waiting, quotas)
def test_batches_are_taken_where_they_gain(commands: list[Waiting], left: Quotas) -> None:
    call = next_write(commands, left, pace=1.1, largest=100, gather=1.0)
    assert (call is None) == (not commands)
    plain = [each for each in commands if not each.alone]
    groups = {kind: [each for each in plain if each.kind.batch is kind] for kind in BatchKind}
    most = max(len(group) for group in groups.values())
    ready = all(each.age >= 1.0 for each in commands)
    if most >= WORTH_A_BATCH and left.items >= min(most, 100) and ready:
        assert isinstance(call, SendBatch), "many go together as long as the items last"
        assert len(call.ids) == min(most, 100)
        oldest = sorted(groups[call.kind], key=lambda each: -each.age)[: len(call.ids)]
        assert min(each.age for each in oldest) == min(each.age for each in commands if each.id in call.ids)


def test_a_spent_window_is_waited_for_only_if_that_is_quicker() -> None:
    spent = Quotas(requests=20_000, day_ends_in=9_999.0, items=0, items_free_in=60.0)
    few = [Waiting(str(n), Kind.UPDATE, 5.0) for n in range(10)]
    many = [Waiting(str(n), Kind.UPDATE, 5.0) for n in range(200)]
    assert next_write(few, spent, pace=1.1, largest=100, gather=1.0) == SendOne("0")
    assert isinstance(next_write(many, spent, pace=1.1, largest=100, gather=1.0), Wait)


@given(
    st.lists(st.builds(Stale, listing_id=st.uuids().map(str), variant_id=st.none() | st.uuids().map(str)), min_size=1)
)
def test_a_refresh_is_for_listings_that_are_stale_and_its_url_has_an_end(stale: list[Stale]) -> None:
    call = refresh(stale)
    assert call.listing_ids
    assert set(call.listing_ids) <= {each.listing_id for each in stale}
    assert len(call.variant_ids) <= MOST_VARIANTS
    assert call.variant_ids or len(call.listing_ids) == 1


@given(st.floats(0.01, 10), st.floats(10, 1_000), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 50))
def test_pauses_grow_with_age_up_to_the_longest(first: float, longest: float, a: float, b: float, grown: float) -> None:
    backoff = Backoff(first, longest)
    young, old = sorted((a, b))
    assert min(first, longest) <= backoff.pause(young) <= backoff.pause(old) <= longest
    assert backoff.pause(young, grown) >= backoff.pause(young)


@given(st.integers(0, 30_000), st.integers(0, 25_000), st.floats(1, 86_400))
def test_the_less_is_left_the_longer_the_pauses(planned: int, left: int, day: float) -> None:
    now = stretch(planned, left, 1_000, day, 1.1)
    assert 1.0 <= now <= MOST_STRETCH
    assert stretch(planned, max(0, left - 100), 1_000, day, 1.1) >= now


@given(
    st.builds(
        Load,
        waiting=st.integers(0, 5_000),
        doubtful=st.integers(0, 50),
        pending=st.integers(0, 500),
        pending_batches=st.integers(0, 20),
        stale=st.integers(0, 500),
        typical=st.floats(1, 600),
    ),
    quotas,
)
def test_a_plan_grows_with_its_load(load: Load, left: Quotas) -> None:
    figures = {"pace": 1.1, "largest": 100, "window": 320.0, "items": 500, "reserve": 1_000}
    made = plan(load, left, **figures)  # type: ignore[arg-type]  # the parameters of plan
    more = plan(replace(load, waiting=load.waiting + 500), left, **figures)  # type: ignore[arg-type]  # the same
    assert more.calls >= made.calls - WORTH_A_BATCH * 2
    assert made.fits == (made.calls <= left.requests - 1_000)
    nothing = load.waiting + load.doubtful + load.pending + load.pending_batches == 0
    assert (made.seconds == 0) or not nothing or not made.fits

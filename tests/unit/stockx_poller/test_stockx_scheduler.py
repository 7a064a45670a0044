"""What to ask StockX next: laws of the scheduler, of batching and of pacing. No I/O."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.marketplaces.stockx.batch import BatchKind
from services.stockx_poller.batching import WORTH_A_BATCH, Packing, next_write
from services.stockx_poller.config import Timing
from services.stockx_poller.listings import PAGES_AT_EASE
from services.stockx_poller.pacing import MOST_STRETCH, Backoff, next_round, stretch
from services.stockx_poller.plan import Load, plan
from services.stockx_poller.scheduler import IDLE, LATE_ORDERS, MOST_TOGETHER, Rules, next_call, next_poll, refresh
from services.stockx_poller.situation import (
    Kind,
    LookAtOperations,
    LookForDoubtful,
    Poll,
    PollBatch,
    PollListing,
    Quotas,
    ReadStates,
    Refresh,
    Round,
    SendBatch,
    SendOne,
    Situation,
    Stale,
    Wait,
    Waiting,
)

PACKING = Packing(pace=1.1, largest=100, largest_creation=120, gather=1.0, longest=30.0)
RULES = Rules(PACKING, reserve=1_000)
PLENTY = Quotas(requests=25_000, day_ends_in=86_400.0, items=500, items_free_in=0.0)

due = st.none() | st.floats(-100, 100)
waiting = st.lists(
    st.builds(
        Waiting,
        id=st.uuids().map(str),
        kind=st.sampled_from(Kind),
        age=st.floats(0, 1_000),
        pack=st.sampled_from([None, None, 20, 1]),
        cluster=st.sampled_from([None, "one", "other"]),
    ),
    max_size=150,
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
    polls=st.lists(
        st.builds(
            Poll,
            name=st.uuids().map(str),
            due_in=st.floats(-200, 100),
            batch=st.just(value=True),
            states=st.booleans(),
        )
        | st.builds(Poll, name=st.uuids().map(str), due_in=st.floats(-100, 100))
    ),
    stale=st.lists(st.builds(Stale, listing_id=st.uuids().map(str), cluster=st.none() | st.text("xyz", min_size=1))),
    looks=st.lists(st.text("ab", min_size=1), max_size=3),
    orders_due_in=due,
    history_due_in=due,
    sweep_due_in=due,
    swept=st.booleans(),
    wrote_last=st.booleans(),
    doubted_last=st.booleans(),
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
        most = min(PACKING.most(call.kind), *(by_id[each].pack or 500 for each in call.ids))
        assert WORTH_A_BATCH <= len(call.ids) <= min(most, situation.quotas.items)
        assert {by_id[each].kind.batch for each in call.ids} == {call.kind}
    if isinstance(call, PollBatch | PollListing | ReadStates):
        names = call.batch_nos if isinstance(call, ReadStates) else (call_name(call),)
        chosen = [each for each in situation.polls if each.name in names]
        assert len(chosen) == len(names) <= MOST_TOGETHER
        assert all(each.due_in <= 0 for each in chosen), "nothing is asked before its time"
        others = [each.due_in for each in situation.polls if not each.states]
        assert min(each.due_in for each in chosen) <= min([0.0, *others]), "what is overdue for longest comes first"


def call_name(call: PollBatch | PollListing) -> str:
    return call.batch_no if isinstance(call, PollBatch) else call.listing_id


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_batches_told_by_states_are_asked_for_together(due: list[float]) -> None:
    polls = [Poll(str(number), each, batch=True, states=True) for number, each in enumerate(due)]
    call = next_poll(polls, pace=1.0)
    soonest = sorted(due)[:MOST_TOGETHER]
    if call is None:
        assert soonest[0] > 0 or any(0 < each < 10 for each in soonest), "only for one that is due soon"
        return
    assert isinstance(call, ReadStates)
    assert sorted(due[int(each)] for each in call.batch_nos) == [each for each in soonest if each <= 0]
    assert not any(0 < each < 10 for each in soonest)


def test_a_batch_told_by_states_does_not_wait_for_ever() -> None:
    late, soon = Poll("late", -200.0, batch=True, states=True), Poll("soon", 1.0, batch=True, states=True)
    assert next_poll([late, soon], pace=1.0) == ReadStates(("late",))


@given(situations.filter(lambda each: each.swept and each.quotas.requests > RULES.reserve))
def test_whatever_is_due_is_not_slept_over(situation: Situation) -> None:
    call = next_call(situation, RULES)
    rounds = (situation.doubts_due_in, situation.orders_due_in, situation.history_due_in, situation.sweep_due_in)
    something = (
        any(each is not None and each <= 0 for each in rounds)
        or any(each.due_in <= 0 for each in situation.polls if not each.states)
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
        orders_due_in=None,
        waiting=[Waiting("w", Kind.UPDATE, 10.0)],
        polls=[Poll("p", -1.0)],
    )
    assert next_call(replace(busy, wrote_last=False), RULES) == SendOne("w")
    assert next_call(replace(busy, wrote_last=True), RULES) == PollListing("p")


def test_orders_that_are_late_wait_for_neither_commands_nor_polls() -> None:
    busy = Situation(PLENTY, waiting=[Waiting("w", Kind.UPDATE, 10.0)], polls=[Poll("p", -1.0)], stale=[Stale("s")])
    assert next_call(replace(busy, orders_due_in=1.0 - LATE_ORDERS), RULES) == SendOne("w")
    late = replace(busy, orders_due_in=-LATE_ORDERS)
    assert next_call(late, RULES) is Round.ORDERS
    assert next_call(replace(late, quotas=replace(PLENTY, requests=RULES.reserve)), RULES) == SendOne("w")
    assert next_call(replace(late, doubts_due_in=0.0), RULES) == LookForDoubtful()


def test_doubts_that_stay_hold_up_nothing_else() -> None:
    doubtful = Situation(PLENTY, doubts_due_in=-9.0, waiting=[Waiting("w", Kind.UPDATE, 10.0)])
    assert next_call(doubtful, RULES) == LookForDoubtful()
    assert next_call(replace(doubtful, doubted_last=True), RULES) == SendOne("w")
    assert next_call(replace(doubtful, doubted_last=True, waiting=()), RULES) == LookForDoubtful()


def test_the_order_of_what_is_left() -> None:
    everything = Situation(
        PLENTY,
        doubts_due_in=-1.0,
        stale=[Stale("s")],
        looks=["l"],
        orders_due_in=-1.0,
        history_due_in=-1.0,
        sweep_due_in=-1.0,
    )
    steps = [
        (LookForDoubtful(), {"doubts_due_in": None}),
        (Refresh(("s",)), {"stale": ()}),
        (Round.ORDERS, {"orders_due_in": None}),
        (Round.HISTORY, {"history_due_in": 7.0}),
        (Round.SWEEP, {"sweep_due_in": None}),
        (LookAtOperations("l"), {"looks": ()}),
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
    call = next_write(commands, left, PACKING)
    assert (call is None) == (not commands)
    free = {kind: [each for each in commands if each.pack is None and each.kind.batch is kind] for kind in BatchKind}
    sizes = {kind: min(len(group), PACKING.most(kind)) for kind, group in free.items()}
    most = max(sizes.values())
    ready = all(each.age >= 1.0 for each in commands)
    if most >= WORTH_A_BATCH and left.items >= most and ready:
        assert isinstance(call, SendBatch), "many go together as long as the items last"
        assert len(call.ids) >= most
        by_id = {each.id: each for each in commands}
        whole = [each for each in commands if each.kind.batch is call.kind and each.pack == by_id[call.ids[0]].pack]
        oldest = max(whole, key=lambda each: each.age)
        assert any(by_id[each].age == oldest.age for each in call.ids), "the oldest is among them"


def test_a_batch_that_is_not_full_waits_for_the_last_to_join() -> None:
    def coming(youngest: float, number: int = 50) -> list[Waiting]:
        return [Waiting(str(n), Kind.UPDATE, youngest + n / 100) for n in range(number)]

    assert next_write(coming(0.2), PLENTY, PACKING) == Wait(0.8)
    assert isinstance(next_write(coming(1.0), PLENTY, PACKING), SendBatch)
    assert isinstance(next_write(coming(0.2, 100), PLENTY, PACKING), SendBatch), "a full one waits for nobody"
    late = [*coming(0.2), Waiting("old", Kind.UPDATE, 30.0)]
    assert isinstance(next_write(late, PLENTY, PACKING), SendBatch), "nor does an old one"


def test_listings_that_came_together_go_together() -> None:
    commands = [Waiting(str(n), Kind.UPDATE, 100.0 - n / 100, cluster="ab"[n % 2]) for n in range(200)]
    call = next_write(commands, PLENTY, PACKING)
    assert isinstance(call, SendBatch)
    assert {int(each) % 2 for each in call.ids} == {0}


def test_a_spent_window_is_waited_for_unless_few_are_through_before() -> None:
    spent = Quotas(requests=20_000, day_ends_in=9_999.0, items=0, items_free_in=60.0)
    few = [Waiting(str(n), Kind.UPDATE, 5.0) for n in range(10)]
    many = [Waiting(str(n), Kind.UPDATE, 5.0) for n in range(11)]
    assert next_write(few, spent, PACKING) == SendOne("0")
    assert isinstance(next_write(few, replace(spent, items_free_in=10.0), PACKING), Wait)
    assert isinstance(next_write(many, spent, PACKING), Wait), "the calls would cost more than the wait"


@given(
    st.lists(st.builds(Stale, listing_id=st.uuids().map(str), cluster=st.none() | st.sampled_from("ab")), min_size=1)
)
def test_a_refresh_is_for_listings_that_stand_together(stale: list[Stale]) -> None:
    call = refresh(stale)
    assert call.listing_ids
    assert len({each.cluster for each in stale if each.listing_id in call.listing_ids}) == 1


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


@given(st.integers(1, 2_000), st.floats(1, MOST_STRETCH))
def test_rounds_cost_the_same_each_day_however_many_listings_and_orders_there_are(pages: int, grown: float) -> None:
    timing = Timing()
    for every, at_ease, most in ((timing.sweep, PAGES_AT_EASE, 960), (timing.orders, 1, 2_880)):
        pause = next_round(every, pages, at_ease, grown)
        assert pause >= every
        assert pages * (timedelta(days=1) / pause) <= most + 1e-6
        assert next_round(every, 1, at_ease, 1.0) == every


@given(
    st.builds(
        Load,
        waiting=st.integers(0, 5_000),
        creations=st.just(0),
        doubtful=st.integers(0, 50),
        pending=st.integers(0, 500),
        pending_batches=st.integers(0, 20),
        stale=st.integers(0, 500),
        typical=st.floats(1, 600),
    ),
    quotas,
)
def test_a_plan_grows_with_its_load(load: Load, left: Quotas) -> None:
    figures = {"packing": PACKING, "window": 320.0, "items": 500, "reserve": 1_000}
    made = plan(load, left, **figures)  # type: ignore[arg-type]  # the parameters of plan
    more = plan(replace(load, waiting=load.waiting + 500), left, **figures)  # type: ignore[arg-type]  # the same
    assert more.calls >= made.calls - WORTH_A_BATCH * 2
    assert made.fits == (made.calls <= left.requests - 1_000)
    nothing = load.waiting + load.doubtful + load.pending + load.pending_batches == 0
    assert (made.seconds == 0) or not nothing or not made.fits

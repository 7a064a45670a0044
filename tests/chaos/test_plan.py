"""A seed is its plan; the many plans together do everything that the suite can do."""

from libs.read_models import READ_MODELS
from libs.read_models.history import EntityRow
from schemas.topics import topics
from tests.chaos.actions import DO
from tests.chaos.campaign import PER_SYSTEM, groups
from tests.chaos.evidence import FACTS
from tests.chaos.plan import INJECTIONS, MARKETPLACE_FAULTS, SECONDS, SERVICES, ZOMBIE_SECONDS, plan

SEEDS = range(1, 201)


def test_a_seed_always_gives_the_same_plan() -> None:
    assert [plan(seed) for seed in SEEDS] == [plan(seed) for seed in SEEDS]
    assert len({str(plan(seed)).partition("\n")[2] for seed in SEEDS}) > 195


def test_two_hundred_seeds_do_everything() -> None:
    plans = [plan(seed) for seed in SEEDS]
    actions = [action for each in plans for action in each.actions]
    assert {action.kind for action in actions} == {*DO, "inject"}
    assert {action.detail("what") for action in actions if action.kind == "inject"} == set(INJECTIONS)
    assert {action.detail("fault") for action in actions if action.kind == "marketplace"} == set(MARKETPLACE_FAULTS)
    troubles = {(action.target, action.detail("trouble")) for action in actions if action.kind == "network"}
    links = ("webhooks", "api", "postgres", "kafka-1")
    assert troubles == {(link, trouble) for link in links for trouble in ("cut", "silent", "slow")}
    settings = [each.setting for each in plans]
    assert (settings.count("cluster"), settings.count("full disk")) == (10, 10)


def test_whatever_the_systems_services_produce_is_judged() -> None:
    """A new topic about a marketplace's entities is found by this test: its read model must be compared, too.

    Other facts of these services (of searches, for one) come by commands, which the suite gives none of.
    """
    produced = {name for name, topic in topics().items() if set(topic.producers) & set(SERVICES)}
    of_entities = {model.name for model in READ_MODELS.values() if issubclass(model.row, EntityRow)}
    assert produced & of_entities == set(FACTS)


def test_every_plan_does_something_and_comes_to_an_end() -> None:
    for each in map(plan, SEEDS):
        assert each.actions, f"{each} does nothing"
        assert all(0 <= action.at <= SECONDS for action in each.actions), each
        assert all(action.at + action.seconds <= ZOMBIE_SECONDS + 4 for action in each.actions), each


def test_seeds_are_grouped_by_setting_and_none_is_left_out() -> None:
    found = groups(SEEDS)
    assert sorted(seed for _, group in found for seed in group) == list(SEEDS)
    assert all(len(group) <= PER_SYSTEM and {plan(seed).setting for seed in group} == {name} for name, group in found)

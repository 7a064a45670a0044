"""Which pages to read for the states of some listings: the fewest, as far as what is known here tells. No I/O.

| narrowed to                          | a page of 100 is full of wanted ones, if                                |
|--------------------------------------|-------------------------------------------------------------------------|
| the batches that made the listings   | all that a batch made is wanted, as after another batch about the same  |
| their variants                       | there are few listings of each                                          |
| nothing: one call for each listing   | never; the cheapest way for one or two                                  |
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.marketplaces.stockx.listings import LARGEST_PAGE, ListingFilter

MOST_NAMES = 100
"""Variants or batches in one request: their ids are part of its URL, 37 characters each."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a listing that helps to find it: its variant, and the batch that made it."""

    listing_id: str
    variant_id: str | None
    batch_id: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Pages to read until these listings were seen; without a filter, each is asked for by itself."""

    chosen: ListingFilter | None
    listing_ids: tuple[str, ...]
    calls: int


def readings(
    wanted: Sequence[Place], listed_of_variant: Mapping[str, int], listed_of_batch: Mapping[str, int]
) -> list[Reading]:
    """The calls for all of `wanted`. `listed_…`: how many listings StockX has, as far as is known here."""
    made_by_batches = [each for each in wanted if each.batch_id is not None]
    others = [each for each in wanted if each.batch_id is None]
    found = []
    for group in (made_by_batches, others):
        if group:
            ways = [_alone(group), _by_variants(group, listed_of_variant)]
            if group is made_by_batches:
                ways.append(_by_batches(group, listed_of_batch))
            found += min(ways, key=lambda way: sum(each.calls for each in way))
    return found


def _alone(wanted: Sequence[Place]) -> list[Reading]:
    return [Reading(None, tuple(each.listing_id for each in wanted), len(wanted))]


def _by_variants(wanted: Sequence[Place], listed: Mapping[str, int]) -> list[Reading]:
    named: dict[str, list[str]] = {}
    for each in wanted:
        if each.variant_id is not None:
            named.setdefault(each.variant_id, []).append(each.listing_id)
    found = []
    for part in _parts(list(named)):
        ids = tuple(listing_id for name in part for listing_id in named[name])
        found.append(Reading(ListingFilter(variant_ids=part), ids, _pages(part, named, listed)))
    unknown = [each for each in wanted if each.variant_id is None]
    return found + (_alone(unknown) if unknown else [])


def _by_batches(wanted: Sequence[Place], listed: Mapping[str, int]) -> list[Reading]:
    named: dict[str, list[str]] = {}
    for each in wanted:
        named.setdefault(each.batch_id or "", []).append(each.listing_id)
    found = []
    for part in _parts(list(named)):
        ids = tuple(listing_id for name in part for listing_id in named[name])
        found.append(Reading(ListingFilter(batch_ids=part), ids, _pages(part, named, listed)))
    return found


def _parts(names: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(names[start : start + MOST_NAMES]) for start in range(0, len(names), MOST_NAMES)]


def _pages(names: Sequence[str], wanted: Mapping[str, Sequence[str]], listed: Mapping[str, int]) -> int:
    return math.ceil(sum(max(len(wanted[name]), listed.get(name, 0)) for name in names) / LARGEST_PAGE)

"""A search of up to 1000 results, put together from MercadoLibre's pages of 50, byte for byte."""

import asyncio
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from libs.http.tokens import TokenProvider
from services.mercadolibre_api.answers import NotDone
from services.mercadolibre_api.upstream import Asked, Upstream

T = TypeVar("T")

PAGE = 50
"""MercadoLibre's largest page."""

_AT_ONCE = 4  # pages fetched at the same time: a wide search must not look like an attack


class _Paging(msgspec.Struct):
    total: int


class _Identified(msgspec.Struct):
    id: str | int | None = None


@dataclass(frozen=True)
class Wanted:
    """The results from `offset` on, `limit` of them at most. `reach`: no result beyond it can be asked for."""

    asked: Asked
    offset: int
    limit: int
    reach: int


async def search(upstream: Upstream, wanted: Wanted, tokens: TokenProvider | None) -> bytes:
    """The first page's JSON, with the results of all pages and with the paging that was asked for; raise NotDone.

    A result that moved from one page to the next between two requests stands there once.
    """
    first, tokens = await upstream.get_open(_page(wanted, wanted.offset, min(PAGE, wanted.limit)), tokens)
    if wanted.limit <= PAGE:
        return first.raw
    page = _decoded(first.raw, dict[str, msgspec.Raw])
    total = _decoded(page.get("paging", b"null"), _Paging).total
    end = min(wanted.offset + wanted.limit, total, wanted.reach)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def more(offset: int) -> list[msgspec.Raw]:
        async with gate:
            answer, _ = await upstream.get_open(_page(wanted, offset, min(PAGE, end - offset)), tokens)
        return _results(_decoded(answer.raw, dict[str, msgspec.Raw]))

    try:
        async with asyncio.TaskGroup() as group:
            pages = [group.create_task(more(offset)) for offset in range(wanted.offset + PAGE, end, PAGE)]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # one refused page: the answer would have a gap
    results = _once([*_results(page), *(result for task in pages for result in task.result())])
    paging = _decoded(page["paging"], dict[str, msgspec.Raw])
    paging["limit"] = msgspec.Raw(b"%d" % wanted.limit)
    page["results"] = msgspec.Raw(msgspec.json.encode(results))
    page["paging"] = msgspec.Raw(msgspec.json.encode(paging))
    return msgspec.json.encode(page)


def _page(wanted: Wanted, offset: int, limit: int) -> Asked:
    return replace(wanted.asked, query={**wanted.asked.query, "offset": str(offset), "limit": str(limit)})


def _results(page: dict[str, msgspec.Raw]) -> list[msgspec.Raw]:
    return _decoded(page.get("results", b"null"), list[msgspec.Raw])


def _once(results: list[msgspec.Raw]) -> list[msgspec.Raw]:
    """Each result where it stands first; those without an id all stay."""
    ids = [_decoded(result, _Identified).id for result in results]
    seen: set[str | int] = set()
    kept = []
    for id_, result in zip(ids, results, strict=True):
        if id_ is None or id_ not in seen:
            kept.append(result)
        if id_ is not None:
            seen.add(id_)
    return kept


def _decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise NotDone(502, f"MercadoLibre's answer cannot be used: it is no search result ({error})") from None

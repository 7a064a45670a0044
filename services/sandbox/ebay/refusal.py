"""A request that is answered by one of eBay's errors, from wherever that is found out."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.sandbox.ebay.errors import error_answer


class Refusal(Exception):
    """Answer with this."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(f"refused with {answer.status}")
        self.answer = answer


def inventory_refusal(status: int, error_id: int, message: str) -> Refusal:
    """An error of the Inventory API."""
    return Refusal(error_answer(status, error_id, "API_INVENTORY", message))


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn a Refusal into its answer."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer

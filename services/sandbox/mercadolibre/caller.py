"""Who calls: the user of the bearer token."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from services.sandbox.mercadolibre.errors import no_token, not_the_callers
from services.sandbox.mercadolibre.population import Population
from services.sandbox.mercadolibre.state import User
from services.sandbox.mercadolibre.tokens import Tokens

Handler = Callable[[web.Request], Awaitable[web.Response]]
UserHandler = Callable[[web.Request, User], Awaitable[web.Response]]
Authorised = Callable[[UserHandler], Handler]


def authorised(population: Population, tokens: Tokens) -> Authorised:
    """Make handlers that are given the caller, and refuse (401) without a valid token. A query token does not count."""

    def wrapped(handler: UserHandler) -> Handler:
        async def checked(request: web.Request) -> web.Response:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise no_token()
            user = population.seller(tokens.user_of(token))
            if user is None:
                raise not_the_callers("invalid_operator_user_id")
            return await handler(request, user)

        return checked

    return wrapped

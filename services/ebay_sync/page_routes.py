"""The page at /ebay/sync, and its sign-in: the token goes into a cookie that scripts and other sites cannot use."""

from pathlib import Path

from aiohttp import web
from pydantic import ValidationError

from libs.http.openapi import Handler, Operation, Reply, Route, problems
from libs.http.server import Problem
from services.ebay_sync.messages import SignIn
from services.ebay_sync.users import COOKIE, PATH, Users

FOLDER = Path(__file__).parent / "page"

_FILES = {
    "": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
}
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


class Page:
    """The handlers."""

    def __init__(self, users: Users) -> None:
        self._users = users

    def routes(self) -> tuple[Route, ...]:
        files = tuple(
            Route(
                "GET",
                f"{PATH}{path}",
                _file(name, kind),
                Operation(f"The page: {name}", tags=("page",), replies={200: Reply(name, str, kind)}),
            )
            for path, (name, kind) in _FILES.items()
        )
        return (
            *files,
            Route("POST", f"{PATH}/session", self.sign_in, _SIGN_IN),
            Route("DELETE", f"{PATH}/session", self.sign_out, _SIGN_OUT),
        )

    async def sign_in(self, request: web.Request) -> web.Response:
        try:
            token = SignIn.model_validate_json(await request.read()).token.strip()
        except ValidationError:
            raise Problem(422, 'The body must be {"token": "…"}.') from None
        self._users.owner(token)
        response = web.Response(status=204)
        response.set_cookie(COOKIE, token, path=PATH, httponly=True, samesite="Strict", secure=request.secure)
        return response

    async def sign_out(self, _request: web.Request) -> web.Response:
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path=PATH)
        return response


def _file(name: str, kind: str) -> Handler:
    body = (FOLDER / name).read_bytes()

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_HEADERS)

    return handler


_SIGN_IN = Operation(
    "Sign in to the page",
    tags=("page",),
    body=SignIn,
    replies={204: Reply("The cookie is set")} | problems(401, 422),
)
_SIGN_OUT = Operation("Sign out of the page", tags=("page",), replies={204: Reply("The cookie is gone")})

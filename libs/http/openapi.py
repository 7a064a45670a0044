"""Declaring an HTTP API once: each route's method, path, handler and models give its registration and its description.

    one = Operation("One product", replies={200: Reply("The product", Product)} | problems(404))
    api = Api("catalog", version("sellstream"), "The sellers' catalog.", routes=(
        Route("GET", "/products/{id}", get_product, one),
    ))
    api.add_to(app)   # the routes, GET /openapi.json (OpenAPI 3.1.1) and GET /docs (a page for people)

Models are anything that pydantic can describe: its JSON Schema is of the dialect that OpenAPI 3.1 uses (2020-12).
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from libs.http.openapi_page import render_page

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Document = dict[str, Any]

JSON = "application/json"
PROBLEM = "application/problem+json"

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*(?:\{[^{}]*\}[^{}]*)*)?\}")
_REF_PREFIX = "#/components/schemas/"
_REF = _REF_PREFIX + "{model}"
_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ProblemDetails(BaseModel):
    """What went wrong, as RFC 9457 defines it; further members may follow."""

    title: str = Field(description="The status in words")
    status: int
    detail: str = Field(description="What happened, to what, and what to do")
    request_id: str = Field(description="As in the header X-Request-Id and in our log")


@dataclass(frozen=True)
class Reply:
    """One answer of an operation; `model` is None for one without a body, `headers` are names and descriptions."""

    description: str
    model: Any = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


def problems(*statuses: int, **reasons: str) -> dict[int, Reply]:
    """Replies in problem+json: `problems(404, s409="already sold")`."""
    told = dict.fromkeys(statuses, "") | {int(name.removeprefix("s")): text for name, text in reasons.items()}
    return {
        status: Reply(
            text or HTTPStatus(status).phrase,
            ProblemDetails,
            PROBLEM,
            {"Retry-After": "Seconds to wait"} if status in {429, 503} else {},
        )
        for status, text in told.items()
    }


@dataclass(frozen=True)
class Operation:
    """What a request may hold and what it is answered. The fields of a model become parameters, one by one."""

    summary: str
    description: str = ""
    tags: tuple[str, ...] = ()
    path: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    header: type[BaseModel] | None = None
    body: Any = None
    body_media_type: str = JSON
    replies: Mapping[int, Reply] = field(default_factory=dict)
    security: tuple[str, ...] = ()
    deprecated: bool = False


@dataclass(frozen=True)
class Route:
    """An operation of ours: `pattern` is aiohttp's form of a path, such as `/orders/{id}` or `/orders/{id:[0-9]+}`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    pattern: str
    handler: Handler
    operation: Operation

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PLACEHOLDER.sub(r"{\1}", self.pattern)


@dataclass(frozen=True)
class Api:
    """An API: its routes, and under `hooks` what others send to it of their own accord (each a POST), by name."""

    title: str
    version: str
    description: str
    routes: tuple[Route, ...]
    hooks: Mapping[str, Operation] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    security_schemes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def add_to(self, app: web.Application) -> None:
        """Register the routes, `GET /openapi.json` and `GET /docs`."""
        document = self.document()
        told = json.dumps(document, ensure_ascii=False).encode()
        page = render_page(document).encode()

        async def openapi(_request: web.Request) -> web.Response:
            return web.Response(body=told, content_type=JSON, charset="utf-8")

        async def docs(_request: web.Request) -> web.Response:
            headers = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff"}
            return web.Response(body=page, content_type="text/html", charset="utf-8", headers=headers)

        for route in self.routes:
            app.router.add_route(route.method, route.pattern, route.handler)
        app.router.add_route("GET", "/openapi.json", openapi)
        app.router.add_route("GET", "/docs", docs)

    def document(self) -> Document:
        """The OpenAPI 3.1.1 document; raise ValueError if two routes answer the same request."""
        schemas = _Schemas([*(route.operation for route in self.routes), *self.hooks.values()])
        paths: dict[str, dict[str, Any]] = {}
        for route in self.routes:
            operations = paths.setdefault(route.template, {})
            if route.method.lower() in operations:
                raise ValueError(f"{route.method} {route.template} is declared twice")
            operations[route.method.lower()] = {
                "operationId": _operation_id(route),
                **_operation(route.operation, schemas, _PLACEHOLDER.findall(route.pattern)),
            }
        document: Document = {
            "openapi": "3.1.1",
            "info": {"title": self.title, "version": self.version, "description": self.description},
            "paths": paths,
        }
        if self.hooks:
            document["webhooks"] = {
                name: {"post": _operation(operation, schemas, [])} for name, operation in self.hooks.items()
            }
        if self.tags:
            document["tags"] = [{"name": name, "description": text} for name, text in self.tags.items()]
        components: dict[str, Any] = {"schemas": schemas.definitions(document)}
        if self.security_schemes:
            components["securitySchemes"] = dict(self.security_schemes)
        return document | {"components": components}


class _Schemas:
    """The JSON Schemas of all models of some operations, named once for all of them.

    Read and written, a model may differ (defaults, serialisers): pydantic then gives it two names.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: dict[tuple[Any, JsonSchemaMode], TypeAdapter[Any]] = {}
        for operation in operations:
            if operation.body is not None:
                wanted[_key(operation.body), "validation"] = TypeAdapter(operation.body)
            for reply in operation.replies.values():
                if reply.model is not None:
                    wanted[_key(reply.model), "serialization"] = TypeAdapter(reply.model)
            for model in (operation.path, operation.query, operation.header):
                if model is not None:
                    wanted[model, "validation"] = TypeAdapter(model)
        inputs = [(key, mode, adapter) for (key, mode), adapter in wanted.items()]
        self._schemas, rest = TypeAdapter.json_schemas(inputs, ref_template=_REF)
        self._all: dict[str, Any] = rest.get("$defs", {})

    def of(self, model: Any, mode: JsonSchemaMode) -> dict[str, Any]:
        """The schema of a body or reply: most often a reference into `definitions`."""
        return self._schemas[_key(model), mode]

    def fields(self, model: type[BaseModel] | None) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """The schemas of a model's fields by the names that they have in a request, and which names must be there."""
        if model is None:
            return {}, []
        schema = self._schemas[model, "validation"]
        if "$ref" in schema:
            schema = self._all[schema["$ref"].rpartition("/")[2]]
        return schema.get("properties", {}), schema.get("required", [])

    def definitions(self, used_in: Document) -> dict[str, Any]:
        """The definitions that a document refers to, directly or through others."""
        used: dict[str, Any] = {}
        names = _names(used_in)
        while names:
            name = names.pop()
            if name not in used:
                used[name] = self._all[name]
                names |= _names(used[name])
        return dict(sorted(used.items()))


def _names(schema: Any) -> set[str]:
    """The names of the components that a part of a document refers to."""
    if isinstance(schema, dict):
        own = {schema["$ref"].removeprefix(_REF_PREFIX)} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*map(_names, schema.values()))
    return set().union(*map(_names, schema)) if isinstance(schema, list) else set()


def _key(model: Any) -> Any:
    return repr(model) if not isinstance(model, type) else model  # `list[Model]` need not be hashable


def _operation(operation: Operation, schemas: _Schemas, placeholders: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {"summary": operation.summary}
    if operation.description:
        told["description"] = operation.description
    if operation.tags:
        told["tags"] = list(operation.tags)
    if parameters := _parameters(operation, schemas, placeholders):
        told["parameters"] = parameters
    if operation.body is not None:
        schema = schemas.of(operation.body, "validation")
        told["requestBody"] = {"required": True, "content": {operation.body_media_type: {"schema": schema}}}
    told["responses"] = {
        str(status): _reply(reply, schemas) for status, reply in sorted(operation.replies.items())
    } or {"default": {"description": "An answer"}}
    if operation.security:
        told["security"] = [{name: []} for name in operation.security]
    if operation.deprecated:
        told["deprecated"] = True
    return told


def _parameters(operation: Operation, schemas: _Schemas, placeholders: list[str]) -> list[dict[str, Any]]:
    described, _ = schemas.fields(operation.path)
    if unknown := described.keys() - set(placeholders):
        raise ValueError(f"{operation.summary}: the path has no {', '.join(sorted(unknown))}")
    told = [_parameter(name, "path", described.get(name, {"type": "string"}), required=True) for name in placeholders]
    for place, model in (("query", operation.query), ("header", operation.header)):
        fields, required = schemas.fields(model)
        told += [_parameter(name, place, schema, required=name in required) for name, schema in fields.items()]
    return told


def _parameter(name: str, place: str, schema: Mapping[str, Any], *, required: bool) -> dict[str, Any]:
    bare = {key: value for key, value in schema.items() if key != "description"}
    told: dict[str, Any] = {"name": name, "in": place, "required": required, "schema": bare}
    return told | ({"description": schema["description"]} if "description" in schema else {})


def _reply(reply: Reply, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {"description": reply.description}
    if reply.headers:
        told["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in reply.headers.items()
        }
    if reply.model is not None:
        told["content"] = {reply.media_type: {"schema": schemas.of(reply.model, "serialization")}}
    return told


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.template)
    return "_".join([route.method.lower(), *words])

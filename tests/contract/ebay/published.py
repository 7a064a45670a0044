"""eBay's published OpenAPI contracts, read back from the package `ebay-apiroute`, which is generated from them.

The contract files themselves (`sell_inventory_v1_oas3.json` and its sisters) are eBay's and under the eBay API License
Agreement, so they are not copied into this repository. `ebay-apiroute` (MIT, on PyPI) is a mechanical rendering of
them: each operation with its method, path, parameters and body, each schema with its properties and types. This
module turns that back into an OpenAPI document.

One type is not taken over: the contract calls `aspects` a string, while live answers have an object of lists.
"""

import importlib
import importlib.metadata
import inspect
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

REF = "#/components/schemas/"

INVENTORY = ("inventory", ("inventory_item", "offer"))
FEED = ("feed", ("inventory_task",))
FULFILLMENT = ("fulfillment", ("order",))

_ASPECTS = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


@dataclass(frozen=True)
class Published:
    """An OpenAPI document, and what tests ask of it."""

    document: dict[str, Any]

    @property
    def base_path(self) -> str:
        return str(self.document["servers"][0]["url"]).partition(".com")[2]

    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """By operationId: method, path template, operation."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
        }

    def schema(self, name: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.document["components"]["schemas"][name])

    def closed(self, name: str) -> dict[str, Any]:
        """A schema, with all it refers to, that refuses properties which the contract does not name."""
        schemas = {
            each: {**schema, "additionalProperties": False} if schema.get("properties") else schema
            for each, schema in self.document["components"]["schemas"].items()
        }
        return {"$ref": f"{REF}{name}", "components": {"schemas": schemas}}


def published(api: str, sections: tuple[str, ...]) -> Published:
    """The contract of one of eBay's sell APIs, as far as these sections of it go."""
    package = f"ebay_apiroute.sell.{api}"
    client = importlib.import_module(f"{package}.client")
    declared = next(each for name, each in vars(client).items() if name.startswith("Sell") and name.endswith("Api"))
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for section in sections:
        routes = _classes(f"{package}.{section}.client")
        typed = _classes(f"{package}.{section}.models.client")
        models = importlib.import_module(f"{package}.{section}.models.models")
        for name, typed_call in vars(typed).items():
            if name.startswith("_"):
                continue
            route = inspect.getattr_static(routes, name).definition
            operation = _operation(route, typed_call.__annotations__, models, schemas)
            paths.setdefault(_template(route), {})[route.http_method.lower()] = operation
    if "Product" in schemas:
        schemas["Product"]["properties"]["aspects"] = _ASPECTS
    return Published(
        {
            "openapi": "3.1.0",
            "info": {"title": api, "version": importlib.metadata.version("ebay-apiroute")},
            "servers": [{"url": declared.base_url}],
            "paths": paths,
            "components": {"schemas": schemas},
        }
    )


def _classes(module: str) -> type:
    """The class that a generated module is about: the only one defined in it."""
    found = importlib.import_module(module)
    return next(each for each in vars(found).values() if inspect.isclass(each) and each.__module__ == module)


def _template(route: Any) -> str:
    return "/" + str(route.path.source).lstrip("/")


def _operation(route: Any, types: dict[str, str], models: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    signature = route.signature.parameters
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in signature
        if f"{{{name}}}" in _template(route)
    ]
    for binding in route.bindings:
        required = signature[binding.param].default is inspect.Parameter.empty
        parameters.append(
            {"name": binding.key, "in": binding.location, "required": required, "schema": {"type": "string"}}
        )
    operation: dict[str, Any] = {"operationId": route.operation, "parameters": parameters}
    if "body" in types:
        content = {"application/json": {"schema": _reference(types["body"], models, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    answer: dict[str, Any] = {"description": "Success"}
    if types["return"] not in ("None", "bytes"):
        answer["content"] = {"application/json": {"schema": _reference(types["return"], models, schemas)}}
    operation["responses"] = {"2XX": answer}
    return operation


def _reference(name: str, models: Any, schemas: dict[str, Any]) -> dict[str, str]:
    name = name.removesuffix(" | None")
    model: type[BaseModel] = getattr(models, name)
    schema = _without_null(model.model_json_schema(by_alias=True, ref_template=f"{REF}{{model}}"))
    for inner, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(inner, definition)
    schemas.setdefault(name, schema)
    return {"$ref": f"{REF}{name}"}


def _without_null(schema: Any) -> Any:
    """Optional means absent in the contract; the generated models alone also take null."""
    if isinstance(schema, list):
        return [_without_null(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _without_null(each) for name, each in schema.items() if name != "title" or not isinstance(each, str)}
    if isinstance(told.get("anyOf"), list):
        choices = [each for each in told.pop("anyOf") if each != {"type": "null"}]
        told = {name: each for name, each in told.items() if name != "default" or each is not None}
        told |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    return told

"""One declaration gives the routes, a valid OpenAPI 3.1 document, and a page that fetches nothing."""

import json
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from libs.http.openapi import Api, Operation, Reply, Route, problems
from schemas.values import DecimalString


class Page(BaseModel):
    limit: int = Field(default=50, ge=1, le=200, description="How many at most")
    continue_after: str | None = Field(default=None, alias="continueAfter")


class ById(BaseModel):
    id: int = Field(ge=1, description="The product's number")


class Product(BaseModel):
    """Something to sell."""

    id: int
    title: str
    price: DecimalString = Decimal(0)
    parts: list["Product"] = []


class Secret(BaseModel):
    signature: str = Field(alias="x-signature", description="HMAC <hex>")


async def list_products(_request: web.Request) -> web.Response:
    return web.json_response([])


async def one_product(request: web.Request) -> web.Response:
    return web.json_response({"id": int(request.match_info["id"])})


async def add_product(request: web.Request) -> web.Response:
    return web.json_response(await request.json(), status=201)


def api() -> Api:
    return Api(
        "catalog",
        "1.2.3",
        "What is for sale.\n\nPrices & parts included.",
        routes=(
            Route(
                "GET",
                "/products",
                list_products,
                Operation("All products", query=Page, replies={200: Reply("Them", list[Product])}, tags=("products",)),
            ),
            Route(
                "GET",
                "/products/{id:[0-9]{1,9}}",
                one_product,
                Operation("One product", path=ById, replies={200: Reply("It", Product)} | problems(404, s503="away")),
            ),
            Route(
                "POST",
                "/products",
                add_product,
                Operation(
                    "Add a product",
                    body=Product,
                    replies={201: Reply("It", Product, headers={"Location": "Where it is"})} | problems(400),
                    security=("token",),
                    deprecated=True,
                ),
            ),
        ),
        hooks={
            "price-changed": Operation("A price changed", header=Secret, body=Product, replies={204: Reply("Done")})
        },
        tags={"products": "Goods"},
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
    )


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(json.loads(json.dumps(api().document()))).validate()


def test_fields_become_parameters() -> None:
    parameters = {one["name"]: one for one in api().document()["paths"]["/products"]["get"]["parameters"]}
    assert parameters["limit"]["schema"]["maximum"] == 200
    assert parameters["limit"]["description"] == "How many at most"
    assert not parameters["limit"]["required"]
    assert parameters["continueAfter"]["in"] == "query"


def test_a_path_parameter_is_described_by_its_model_and_its_pattern_is_left_out() -> None:
    (parameter,) = api().document()["paths"]["/products/{id}"]["get"]["parameters"]
    assert parameter == {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "title": "Id"},
        "description": "The product's number",
    }


def test_a_model_stands_once_and_refers_to_itself() -> None:
    document = api().document()
    schema = document["paths"]["/products/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    assert document["components"]["schemas"][name]["properties"]["parts"]["items"] == schema


def test_hooks_are_described_as_webhooks() -> None:
    hook = api().document()["webhooks"]["price-changed"]["post"]
    assert hook["parameters"][0]["name"] == "x-signature"
    assert hook["responses"] == {"204": {"description": "Done"}}


def test_problems_say_when_to_come_again() -> None:
    replies = problems(404, s503="away")
    assert replies[404].description == "Not Found"
    assert replies[503].description == "away"
    assert "Retry-After" in replies[503].headers


def test_two_handlers_of_one_request_are_refused() -> None:
    route = Route("GET", "/x", list_products, Operation("X"))
    with pytest.raises(ValueError, match="GET /x is declared twice"):
        Api("t", "1", "", routes=(route, route)).document()


def test_a_path_model_must_fit_the_path() -> None:
    with pytest.raises(ValueError, match="the path has no id"):
        Api("t", "1", "", routes=(Route("GET", "/x", list_products, Operation("X", path=ById)),)).document()


class Links(HTMLParser):
    """Everything in a page that names something else, and every tag that could run or load anything."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"href", "src"}:
                self.targets.append(value or "")
            if name == "id":
                self.ids.add(value or "")


async def test_routes_document_and_page_are_served() -> None:
    app = web.Application()
    api().add_to(app)
    async with TestClient(TestServer(app)) as client:
        assert await (await client.get("/products/7")).json() == {"id": 7}
        assert (await client.get("/products/x")).status == 404
        assert (await client.post("/products", json={})).status == 201

        document = await client.get("/openapi.json")
        assert document.content_type == "application/json"
        assert await document.json() == api().document()

        page = await client.get("/docs")
        assert page.content_type == "text/html"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        links = Links()
        links.feed(await page.text())
        assert links.tags.isdisjoint({"script", "link", "img", "iframe", "object"})
        assert all(target == "openapi.json" or target[1:] in links.ids for target in links.targets)
        told = re.sub(r"<[^>]+>", "", await page.text())
        for expected in ("Add a product", "HMAC &lt;hex&gt;", "Prices &amp; parts included.", "price-changed"):
            assert expected in told

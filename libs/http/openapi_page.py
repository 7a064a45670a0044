"""An OpenAPI document as one page for people: rendered once, no script, nothing fetched from anywhere."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
code, pre { font: .9em/1.45 ui-monospace, monospace; }
pre { overflow-x: auto; background: #8881; padding: .6rem; border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #8883; }
.method { display: inline-block; min-width: 4.5em; font-weight: 700; }
.old { text-decoration: line-through; }
"""


def render_page(document: Mapping[str, Any]) -> str:
    """The page for a document of `libs.http.openapi`."""
    info = document["info"]
    parts = [
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
        *_text(info.get("description")),
        '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1)</p>',
        "<h2>Operations</h2>",
        *(
            _operation(method.upper(), path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
        ),
    ]
    if hooks := document.get("webhooks"):
        parts.append("<h2>What others send</h2>")
        parts += [_operation("POST", name, operations["post"]) for name, operations in hooks.items()]
    if models := document["components"]["schemas"]:
        parts.append("<h2>Models</h2>")
        parts += [
            f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>'
            for name, schema in models.items()
        ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    old = ' class="old"' if operation.get("deprecated") else ""
    parts = [
        f'<details><summary><span class="method">{escape(method)}</span> <code{old}>{escape(path)}</code> '
        f"{escape(operation['summary'])}</summary>",
        *_text(operation.get("description")),
    ]
    if parameters := operation.get("parameters"):
        parts.append("<h4>Parameters</h4><table>")
        parts += [
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}"
            f"{', required' if one['required'] else ''}</td><td>{escape(one.get('description', ''))}</td>"
            f"<td>{_type(one['schema'])}</td></tr>"
            for one in parameters
        ]
        parts.append("</table>")
    if body := operation.get("requestBody"):
        parts.append("<h4>Body</h4>")
        parts += [f"<p>{escape(kind)}: {_type(one['schema'])}</p>" for kind, one in body["content"].items()]
    parts.append("<h4>Answers</h4><table>")
    for status, reply in operation["responses"].items():
        kinds = [f"{escape(kind)}: {_type(one['schema'])}" for kind, one in reply.get("content", {}).items()]
        parts.append(
            f"<tr><td><code>{escape(status)}</code></td><td>{escape(reply['description'])}</td>"
            f"<td>{'<br>'.join(kinds)}</td></tr>"
        )
    return "".join([*parts, "</table></details>"])


def _text(text: str | None) -> list[str]:
    return [f"<p>{escape(paragraph)}</p>" for paragraph in (text or "").split("\n\n") if paragraph.strip()]


def _type(schema: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    return f"<code>{escape(json.dumps(schema, ensure_ascii=False))}</code>"


def _json(schema: Mapping[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, ensure_ascii=False, indent=2))}</pre>"

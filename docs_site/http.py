"""The reference of the HTTP interface, made from openapi.yaml."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import yaml

from docs_site.markdown import code, page, table

Node = Mapping[str, Any]


def contract() -> Node:
    found: Node = yaml.safe_load((files("service") / "openapi.yaml").read_text("utf-8"))
    return found


def http_page() -> str:
    whole = contract()
    return page(
        "# HTTP",
        whole["info"]["description"],
        "The service shows the same under `/docs`, and serves it as `/openapi.yaml`.",
        *(part for tag in whole["tags"] for part in _tag(whole, tag)),
        "## Who may call",
        *(f"{code(name)}: {scheme['description']}" for name, scheme in whole["components"]["securitySchemes"].items()),
        "## Bodies",
        *(part for name, schema in whole["components"]["schemas"].items() for part in _schema(name, schema)),
    )


def _tag(whole: Node, tag: Node) -> Iterator[str]:
    yield f"## {tag['name']}"
    yield f"{tag['description']}."
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if tag["name"] in operation["tags"]:
                yield from _operation(whole, f"{method.upper()} {path}", operation)


def _operation(whole: Node, call: str, operation: Node) -> Iterator[str]:
    yield f"### {code(call)}"
    yield f"{operation['summary']}."
    yield operation.get("description", "")
    if operation.get("security") == []:
        yield "Open to everyone who reaches the port."
    parameters = [_resolved(whole, parameter) for parameter in operation.get("parameters", ())]
    if parameters:
        yield table(("parameter", "in", "type", "meaning"), map(_parameter, parameters))
    if body := operation.get("requestBody"):
        found = _resolved(whole, body)
        yield f"Body: {_content(found)}. {found.get('description', '')}"
    answers = ((status, _resolved(whole, told)) for status, told in operation["responses"].items())
    yield table(("status", "meaning", "body"), ((s, told["description"], _content(told)) for s, told in answers))


def _resolved(whole: Node, node: Node) -> Node:
    while "$ref" in node:
        found: Any = whole
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def _parameter(parameter: Node) -> tuple[str, str, str, str]:
    needed = " (always)" if parameter.get("required") else ""
    return (
        f"{code(parameter['name'])}{needed}",
        parameter["in"],
        kind_of(parameter["schema"]),
        parameter.get("description", ""),
    )


def _content(node: Node) -> str:
    kinds = [f"{code(media)} {kind_of(entry.get('schema', {}))}" for media, entry in node.get("content", {}).items()]
    return ", or ".join(kinds)


def _schema(name: str, schema: Node) -> Iterator[str]:
    yield f"### {name}"
    yield schema.get("description", "")
    rows = list(_properties(schema))
    if rows:
        yield table(("member", "type", "meaning"), rows)
    elif not schema.get("description"):
        yield kind_of(schema)


def _properties(schema: Node, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Members, those of objects inside with their path."""
    for name, member in schema.get("properties", {}).items():
        needed = " (always)" if name in schema.get("required", ()) else ""
        yield code(f"{path}{name}") + needed, kind_of(member), member.get("description", "")
        inner, step = (member["items"], f"{name}[].") if "items" in member else (member, f"{name}.")
        yield from _properties(inner, f"{path}{step}")


def kind_of(schema: Node) -> str:
    """What a value may be, in words; a named schema as a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return " or ".join(code(str(word)) for word in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return (" and " if word == "allOf" else " or ").join(kind_of(part) for part in schema[word])
    kinds = schema.get("type", "any")
    told = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "items" in schema:
        return f"list of {kind_of(schema['items'])}"
    return f"{told} ({schema['format']})" if "format" in schema else told

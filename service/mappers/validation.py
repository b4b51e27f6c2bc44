"""Strict validation of a document as FHIR R4, where the user asks for it. Slow: the reader does not need it.

fhir.resources carries R4B, whose resources that are read here do not differ from R4. What it does not check (codes of
required bindings) the reader checks itself.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from service.mappers.json_text import iter_lines

MAX_DEPTH = 60


def problems_of(data: bytes, name: str) -> Iterator[str]:
    """What is not valid FHIR R4 in a document: `name: place: what`. Values are not repeated."""
    try:
        for document, line in _documents(data):
            for resource, place in _resources(document, line):
                for message in _check(resource):
                    yield f"{name}: {place or 'document'}: {message}"
    except RecursionError:
        yield f"{name}: nested too deeply to be validated"
    except ValueError:
        yield f"{name}: not JSON"


def _documents(data: bytes) -> Iterator[tuple[Any, str]]:
    """The one document, or each line of NDJSON with its number."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    try:
        yield json.loads(text), ""
        return
    except ValueError:
        lines = [(json.loads(line), f"line {number}") for number, line in iter_lines(text)]
    if len(lines) < 2:
        raise ValueError
    yield from lines


def _resources(document: Any, place: str) -> Iterator[tuple[Any, str]]:
    if isinstance(document, list):
        for i, entry in enumerate(document):
            yield from _resources(entry, f"{place}[{i}]")
    elif isinstance(document, dict) and document.get("resourceType") == "Bundle":
        entries = document.get("entry")
        yield {**document, "entry": []} if isinstance(entries, list) else document, place
        for i, entry in enumerate(entries if isinstance(entries, list) else []):
            if not isinstance(entry, dict):
                yield entry, f"{place}entry[{i}]"
            elif "resource" in entry:
                yield from _resources(entry["resource"], f"{place}entry[{i}].resource")
    else:
        yield document, place


@lru_cache(256)
def _model(kind: str) -> Any:
    from fhir.resources.R4B import get_fhir_model_class  # 0.3 s and 30 MB: only where validation is asked for

    try:
        return get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return None


def _check(resource: Any) -> Iterator[str]:
    from pydantic import ValidationError

    if not isinstance(resource, dict):
        yield "a resource is a JSON object"
        return
    kind = resource.get("resourceType")
    model = _model(kind) if isinstance(kind, str) else None
    if model is None:
        yield "unknown resourceType"
        return
    if _depth(resource) > MAX_DEPTH:
        yield f"nested deeper than {MAX_DEPTH}"
        return
    entries = resource.get("entry")
    body = {k: v for k, v in resource.items() if k != "entry" or entries}
    try:
        model.model_validate(body)
    except ValidationError as problem:
        for mistake in problem.errors(include_input=False, include_url=False, include_context=False):
            yield f"{kind}.{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}"
    except (KeyError, TypeError, ValueError, RecursionError) as problem:
        # the library raises these for resource types of R4 alone inside contained or Bundle entries
        yield f"{kind}: cannot be checked ({type(problem).__name__})"


def _depth(value: Any, depth: int = 0) -> int:
    if depth > MAX_DEPTH:
        return depth
    if isinstance(value, dict):
        return max((_depth(v, depth + 1) for v in value.values()), default=depth)
    if isinstance(value, list):
        return max((_depth(v, depth + 1) for v in value), default=depth)
    return depth

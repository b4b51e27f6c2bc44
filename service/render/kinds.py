"""The reference of rules and signs, made from the classes that read them."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields

import service.criteria.kinds  # noqa: F401 - registers every kind of rule and sign
from service.criteria.kinds_of_review import ShowField
from service.criteria.schema import (
    RULES,
    SIGNS,
    Kind,
    LimitText,
    ListOf,
    Name,
    OneOf,
    RuleField,
    SignField,
    WholeNumber,
    WindowField,
)

_TAKES: tuple[tuple[type[Any], str], ...] = (
    (RuleField, "a rule"),
    (SignField, "a sign"),
    (WindowField, "a length of time"),
    (LimitText, "a limit"),
    (fields.Boolean, "true or false"),
    (ShowField, "`inputs` and `signs`, by name"),
    (fields.String, "a text"),
)


def reference() -> str:
    """Every kind with its meaning, an example and what may stand beside it, as Markdown."""
    return "\n".join(
        [
            "## Rules\n",
            *(line for kind in RULES.values() for line in _kind(kind, "rule: ")),
            "## Signs\n",
            "What rules such as `present`, `absent` and `when` look for.\n",
            *(line for kind in SIGNS.values() for line in _kind(kind, "")),
        ]
    )


def _kind(kind: type[Kind], before: str) -> Iterable[str]:
    yield f"### `{kind.word}`\n"
    yield f"{(kind.__doc__ or '').strip()}\n"
    yield f"```yaml\n{before}{kind.example}\n```\n"
    options = list(_options(kind().fields))
    if options:
        yield "\n".join(options) + "\n"


def _options(own: Mapping[str, fields.Field[Any]]) -> Iterable[str]:
    for name, field in own.items():
        told = [_takes(field), field.metadata.get("description", "")]
        needed = " (always)" if field.required else ""
        yield f"- `{field.data_key or name}`{needed}: {'; '.join(part for part in told if part)}"


def _takes(field: fields.Field[Any]) -> str:
    """What may stand behind a key; empty where the field's own words say it."""
    match field:
        case ListOf():
            return f"{_takes(field.inner)}, or a list of them"
        case OneOf():
            return " or ".join(f"`{word}`" for word in field.words)
        case Name():
            return f"the name of {'an' if field.kind[0] in 'aio' else 'a'} {field.kind}"
        case WholeNumber():
            return f"a whole number from {field.least} to {field.most}"
    return next((said for kind, said in _TAKES if isinstance(field, kind)), "")

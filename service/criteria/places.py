"""YAML with places: every value of a file together with its line and column, so that a mistake can be pointed at.

The scalars of YAML 1.2's core schema only: `no` is a word, a date is a text. Keys that stand twice, aliases and tags
are refused.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

Path = tuple[str | int, ...]
Place = tuple[int, int]

MAX_DEPTH = 60  # the parser recurses: far deeper, it would end the process
MAX_DIGITS = 18
# What YAML does not allow in a file, whatever the quotes. https://yaml.org/spec/1.2.2/#rule-c-printable
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# What the parser says, in words that help.
_PLAINLY = {
    "mapping values are not allowed in this context": "a second colon on this line: options of one line stand in "
    "braces, {measurement: anc, at-least: 1500 /mm3}, and a text with a colon stands in quotes",
    "found character '\\t' that cannot start any token": "a tab: only blanks indent a line",
    "found a tab character where an indentation space is expected": "a tab: only blanks indent a line",
    "found unknown escape character": "a text with a backslash stands in single quotes",
    "found undefined alias": "aliases are not allowed",
    "did not find expected key": "the line is not indented like those before it",
    "did not find expected '-' indicator": "the line is not indented like those before it, or the dash of a list lacks",
    "found a tab character that violates indentation": "a tab: only blanks indent a line",
    "but found another document": "a file holds one document; --- begins another",
    "found unexpected end of stream": "a quote that is opened here is not closed",
    "did not find expected ',' or '}'": "a comma or a closing brace was expected",
    "did not find expected ',' or ']'": "a comma or a closing bracket was expected",
}

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", list("tf")),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][+-]?[0-9]+)?$", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


class DecimalText(str):
    """A number with a decimal point, kept as it is written: limits are decimals, never binary floats."""


class PlacedError(ValueError):
    """A YAML mistake with its place."""

    def __init__(self, message: str, line: int, column: int) -> None:
        self.message, self.line, self.column = one_line(message), line, column
        super().__init__(f"line {line}, column {column}: {self.message}")


class Placed:
    """A YAML document: plain `data`, and where each of its values stands."""

    def __init__(self, data: Any, places: dict[Path, Place]) -> None:
        self.data = data
        self._places = places

    def place(self, path: Path) -> Place:
        """Line and column (from 1) of the value at a path, or of the nearest one above it that is there."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, (1, 1))


def read(text: str) -> Placed:
    """Parse a YAML document. PlacedError where it is not one."""
    if found := _FORBIDDEN.search(text):
        line, column = text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
        raise PlacedError(f"the character U+{ord(found[0]):04X} is not allowed", line, column)
    try:
        _check_depth(text)
        root = _composed(text)
    except yaml.MarkedYAMLError as problem:
        opened = problem.context_mark if problem.problem == "found unexpected end of stream" else None
        mark = opened or problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise PlacedError(_plainly(problem.problem or "not YAML", text, line, column), line, column) from None
    except yaml.YAMLError as problem:
        raise PlacedError(f"not YAML: {problem}", 1, 1) from None
    places: dict[Path, Place] = {}
    data = _build(root, (), places, set()) if root else None
    return Placed(data, places)


def _plainly(problem: str, text: str, line: int, column: int) -> str:
    """What the parser says in words that help; `line` and `column` say where."""
    row = re.split(r"\r\n?|\n", text)[line - 1] if line <= len(text.splitlines()) else ""
    if problem == "found character that cannot start any token":
        sign = row[column - 1 : column]
        return (
            f"a text that begins with {sign} stands in quotes" if sign.strip() else "a tab: only blanks indent a line"
        )
    if problem == "did not find expected key" and row[: column - 1].strip(" -"):
        return "the line should end here; a text that holds quotes stands in quotes of the other kind"
    return _PLAINLY.get(problem, problem)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark: Any = event.start_mark
                raise PlacedError(f"nested more than {MAX_DEPTH} deep", mark.line + 1, mark.column + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _composed(text: str) -> Node | None:
    loader = _Loader(text)
    try:
        root: Node | None = loader.get_single_node()
        return root
    finally:
        loader.dispose()


def _build(node: Node, path: Path, places: dict[Path, Place], seen: set[int]) -> Any:
    if id(node) in seen:
        raise _error("aliases are not allowed", node)
    seen.add(id(node))
    places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, MappingNode):
        return _mapping(node, path, places, seen)
    if isinstance(node, SequenceNode):
        return [_build(child, (*path, i), places, seen) for i, child in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: MappingNode, path: Path, places: dict[Path, Place], seen: set[int]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if isinstance(key_node, MappingNode | SequenceNode):
            raise _error("a key must be a word", key_node)
        key = key_node.value
        if not key.isprintable():
            raise _error(f"a key must be a word; {key!r} holds control characters", key_node)
        if key in out:
            raise _error(f"the key {key!r} stands twice", key_node)
        places[(*path, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        out[key] = _build(value_node, (*path, key), places, seen)
    return out


def _scalar(node: Node) -> Any:
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "int":
            if len(node.value) > MAX_DIGITS:
                raise _error(f"a number of at most {MAX_DIGITS} digits was expected", node)
            return int(node.value)
        case "float":
            return DecimalText(node.value)
        case "bool":
            return node.value == "true"
        case "null":
            return None
        case "str":
            return node.value
    raise _error(f"the tag {node.tag} is not allowed", node)


def _error(message: str, node: Node) -> PlacedError:
    return PlacedError(message, node.start_mark.line + 1, node.start_mark.column + 1)


def one_line(text: str) -> str:
    """A message without line breaks and other control characters: they are shown as escapes."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def flatten(messages: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Marshmallow's nested messages as (path, message) pairs."""
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from flatten(value, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list | tuple):
        for message in messages:
            yield from flatten(message, path)
    else:
        yield path, str(messages)


def problems_of(messages: Any, placed: Placed, path: str) -> tuple[str, ...]:
    """Marshmallow's messages as lines for a reader: `path:line:column: where: what`, in the order of the file."""
    found = []
    for where, message in flatten(messages):
        line, column = placed.place(where)
        name, message = one_line(_name(where, placed.data)), one_line(message)
        found.append(
            (
                line,
                column,
                f"{path}:{line}:{column}: {name}: {message}" if name else f"{path}:{line}:{column}: {message}",
            )
        )
    return tuple(text for _, _, text in sorted(found))


def _name(where: Path, data: Any) -> str:
    """A path for a reader: an entry of a list by its id or name where it has one."""
    parts: list[str] = []
    at = data
    for part in where:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            at = None
        if isinstance(part, int):
            named = at.get("id") or at.get("name") if isinstance(at, dict) else None
            parts[-1:] = [str(named)] if named and parts else [*parts[-1:], f"entry {part + 1}"]
        else:
            parts.append(str(part))
    return " → ".join(parts)

"""What the error files of an export say: for which resource types it is not known to be complete.

A `fatal` issue makes every type doubtful. An `error` makes those doubtful that it names, and every type where it names
none (or only the patient, which tells whom it concerns and not what). A `warning` counts only where it names types;
`information` never. The texts themselves are not repeated: they name patients.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable

import msgspec

from service.population.spill import Gap

_SEVERITIES = frozenset({"fatal", "error", "warning", "information", "success"})
_CODE = re.compile(r"[a-z][a-z-]{0,39}")
_WORD = re.compile(r"[A-Z][A-Za-z]{1,63}")
# these say whose export it is about, not what of it
_WHOSE = frozenset({"Patient", "Group"})


class _Details(msgspec.Struct):
    text: str | None = None


class _Issue(msgspec.Struct):
    severity: str | None = None
    code: str | None = None
    diagnostics: str | None = None
    details: _Details | None = None
    expression: list[str] | None = None
    location: list[str] | None = None

    def words(self) -> str:
        told = [self.diagnostics or "", (self.details and self.details.text) or ""]
        return " ".join([*told, *(self.expression or ()), *(self.location or ())])


class _Outcome(msgspec.Struct):
    resourceType: str = ""
    issue: list[_Issue] | None = None


_decode = msgspec.json.Decoder(_Outcome).decode


class Told(msgspec.Struct, frozen=True):
    """What error files told: gaps, and each kind of issue in words with how often it came."""

    gaps: tuple[Gap, ...]
    findings: tuple[str, ...]


def read_outcomes(lines: Iterable[bytes], types: Collection[str]) -> Told:
    """What the lines of an error file say of an export of these types."""
    told: Counter[tuple[str, tuple[str, ...]]] = Counter()
    doubted: dict[Gap, None] = {}
    for line in lines:
        for issue in _issues(line):
            named = sorted(set(_WORD.findall(issue.words())) & set(types))
            severity, words = _in_words(issue)
            told[words, tuple(named)] += 1
            for kind in _concerned(severity, frozenset(named) - _WHOSE):
                doubted[Gap(kind, f"the server reports: {words}")] = None
    return Told(tuple(doubted), tuple(_sentence(*each, count) for each, count in told.items()))


def types_named(body: bytes, types: Collection[str]) -> frozenset[str]:
    """Those of the types that a refusal names, besides whose export it is."""
    if not body.strip():
        return frozenset()
    words = (word for issue in _issues(body) for word in _WORD.findall(issue.words()))
    return frozenset(words) & frozenset(types) - _WHOSE


def _issues(line: bytes) -> list[_Issue]:
    try:
        outcome = _decode(line)
    except (msgspec.DecodeError, RecursionError):
        return [_Issue("error", "structure")]
    return outcome.issue or [_Issue("error", "structure")]


def _in_words(issue: _Issue) -> tuple[str, str]:
    severity = issue.severity if issue.severity in _SEVERITIES else "error"
    code = issue.code if issue.code and _CODE.fullmatch(issue.code) else ""
    return str(severity), f"{severity} {code}".strip()


def _concerned(severity: str, named: frozenset[str]) -> list[str]:
    if severity == "fatal":
        return ["*"]
    if severity == "error":
        return sorted(named) or ["*"]
    return sorted(named) if severity == "warning" else []


def _sentence(words: str, named: tuple[str, ...], count: int) -> str:
    about = f" about {', '.join(named)}" if named else ""
    return f"{words}{about}" + (f", {count} times" if count > 1 else "")

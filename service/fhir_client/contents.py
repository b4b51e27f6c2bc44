"""What a body says of itself: its resource type, its next page, and the issues of an OperationOutcome.

Only as much is read as deciding needs; the resources inside are the mappers' part.
"""

import re

import msgspec

from service.fhir_client.answers import Failure

MEDIA_TYPE = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json(?:\+fhir)?", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_CODE = re.compile(r"[a-z][a-z-]{0,39}")
_SEVERITIES = ("fatal", "error", "warning", "information")
# `exception` and `incomplete` are transient too by the code system, yet servers use them for errors of every kind
_TRANSIENT = frozenset({"transient", "lock-error", "no-store", "timeout", "throttled"})


class Link(msgspec.Struct):
    relation: str = ""
    url: str = ""


class Head(msgspec.Struct):
    """The elements of a resource that the client reads; those of a Bundle where it is one."""

    resourceType: str = ""
    type: msgspec.Raw = msgspec.Raw(b"null")
    link: msgspec.Raw = msgspec.Raw(b"null")
    issue: msgspec.Raw = msgspec.Raw(b"null")


class Issue(msgspec.Struct, frozen=True):
    """One issue without its text, which may hold a patient's data. Empty where a code is none."""

    severity: str = ""
    code: str = ""


def read_head(body: bytes) -> Head:
    """Failure where the body is not JSON, or not an object."""
    try:
        return msgspec.json.decode(body.removeprefix(_BOM), type=Head)
    except msgspec.ValidationError:
        raise Failure("the server's answer is not a FHIR resource") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Failure("the server's answer is not JSON") from None


def check_kind(head: Head, expected: str) -> None:
    """Failure where a body is not what was asked for."""
    if head.resourceType == expected:
        return
    if head.resourceType == "OperationOutcome":
        issues = read_issues(head)
        told = describe(issues)
        message = "the server answered with an OperationOutcome instead" + (f" ({told})" if told else "")
        raise Failure(message, temporary=transient(issues))
    raise Failure(f"the server's answer is not the {expected} that was asked for")


def check_searchset(head: Head) -> None:
    """Failure for a Bundle that is not the result of a search; one without a type passes."""
    check_kind(head, "Bundle")
    try:
        kind = msgspec.json.decode(head.type, type=str | None)
    except msgspec.ValidationError:
        kind = ""
    if kind not in (None, "searchset"):
        raise Failure("the server's answer is a Bundle, but not a searchset")


def next_link(head: Head) -> str:
    """The address of the next page; empty after the last. Failure where that cannot be told."""
    try:
        links = msgspec.json.decode(head.link, type=list[Link] | None) or []
    except msgspec.ValidationError:
        raise Failure("the links of a page cannot be read, so pages may be missing") from None
    onward = {link.url for link in links if link.relation == "next"}
    if len(onward) > 1 or "" in onward:
        raise Failure("the link to the next page cannot be read")
    return onward.pop() if onward else ""


def read_outcome(body: bytes) -> tuple[Issue, ...]:
    """The issues of an error's body; none where it is no OperationOutcome."""
    try:
        head = read_head(body)
    except Failure:
        return ()
    return read_issues(head) if head.resourceType == "OperationOutcome" else ()


def read_issues(head: Head) -> tuple[Issue, ...]:
    """Issues, the most severe first."""
    try:
        issues = msgspec.json.decode(head.issue, type=list[Issue] | None) or []
    except msgspec.ValidationError:
        return ()
    known = [Issue(_code(issue.severity), _code(issue.code)) for issue in issues]
    return tuple(sorted(known, key=lambda i: _SEVERITIES.index(i.severity) if i.severity in _SEVERITIES else 4))


def describe(issues: tuple[Issue, ...]) -> str:
    """The most severe issue in words: its severity and code."""
    return " ".join(part for part in (issues[0].severity, issues[0].code) if part) if issues else ""


def transient(issues: tuple[Issue, ...]) -> bool:
    return any(issue.code in _TRANSIENT for issue in issues)


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""

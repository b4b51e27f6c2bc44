"""An entry of the decision log. Hashes are keyed; nothing of a patient stands in it in clear."""

from typing import Any, Literal

import msgspec

Question = Literal["result", "what-if", "orders", "population"]


class TrialVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trial that was asked about: its file's digest (SHA-256), and the grade it came to."""

    id: str
    version: str
    digest: str
    grade: str = ""


class Basis(msgspec.Struct, frozen=True, rename="camel"):
    """What answers depend on besides the trials: `digest` is over value sets, inputs, vocabulary, upper limits and time
    zone. `recruitment` decides which of the answers become cards.
    """

    digest: str
    timezone: str
    recruitment: str
    uln: dict[str, dict[str, Any]] = {}


class Decision(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One answer. `question` is what was worked out: the result of a record, the same with draft orders (`what-if`),
    what orders close (`orders`), or a whole screening (`population`). `closes` are the trials that orders would close.
    """

    decision: str
    time: str
    endpoint: str
    question: Question
    as_of: str
    trialhook: str
    key: str
    input: str
    answer: str
    basis: Basis
    trials: tuple[TrialVersion, ...]
    request: str = ""
    patient: str = ""
    closes: tuple[str, ...] = ()
    grades: dict[str, dict[str, int]] = {}
    patients: int = 0


encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Decision).decode


def read(line: bytes) -> Decision | None:
    """The decision of a line; None where the line holds none."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None

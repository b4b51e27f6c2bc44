"""What a question was about: all that an answer depends on besides trials, settings and the day; and the answer."""

from typing import Any

import msgspec
from msgspec import Raw

from service.criteria.plan import Plan
from service.criteria.results import Effect, PatientError, PatientResult
from service.decisions.entry import Question
from service.guard import effects, may_matter, read_orders, with_orders
from service.mappers.documents import Document
from service.mappers.transcript import read_transcript, transcript
from service.screening import Screening, encode

NO_DOCUMENT = Raw(b"null")


class Asked(msgspec.Struct, frozen=True):
    """A record as it was judged: which patient of it was asked for, the server it came from, draft orders, and which of
    them were picked. `record` is the transcript of a document, or null where orders did not make it necessary."""

    record: Raw
    patient: str = ""
    base: str = ""
    drafts: Any = None
    only: tuple[str, ...] = ()

    @property
    def text(self) -> bytes:
        """What is hashed, and kept where inputs are."""
        return msgspec.json.encode(self)

    @property
    def document(self) -> Document:
        return read_transcript(self.record)


def asked_about(
    document: Document | None, patient: str = "", base: str = "", drafts: Any = None, only: tuple[str, ...] = ()
) -> Asked:
    """To be made before the document is judged."""
    record = NO_DOCUMENT if document is None else Raw(transcript(document))
    return Asked(record, patient, base, drafts, only)


def read(text: bytes) -> Asked:
    """The question of a text that was kept. msgspec.MsgspecError where it is none."""
    return msgspec.json.decode(text, type=Asked)


Answer = PatientResult | list[Effect]


def answer(screening: Screening, plan: Plan, asked: Asked, question: Question, day: int) -> Answer:
    """What is answered on a day (ordinal). RecordError where the record cannot be judged."""
    if question == "orders":
        return _effects(screening, plan, asked, day)
    if question == "what-if":
        return with_orders(screening, plan, asked.document, asked.patient, day, asked.drafts)
    return screening.screen(screening.of_document(asked.document, asked.patient, asked.base), day, plan)


def _effects(screening: Screening, plan: Plan, asked: Asked, day: int) -> list[Effect]:
    orders = read_orders(asked.drafts, asked.patient, day, asked.only)
    orders = [order for order in orders if may_matter(screening, plan, order, asked.patient)]
    if not orders or asked.record == NO_DOCUMENT:
        return []
    return effects(screening, plan, asked.document, asked.patient, day, orders, asked.base)


def answer_text(found: Answer | PatientError, trialhook: str) -> bytes:
    """The complete answer as bytes, as the version of the software gave it that is named."""
    if isinstance(found, PatientResult):
        found = msgspec.structs.replace(found, trialhook=trialhook)
    return encode(found)

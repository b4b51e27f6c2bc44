"""What a CodeableConcept says in words, and the code of a status."""

from collections.abc import Collection

from service.mappers import wire

MAX_SHOWN = 160  # characters of a text that a reader is shown
MAX_READ = 1000  # characters of a text that are looked through for names
_HL7 = "http://terminology.hl7.org/"


# What SNOMED CT puts behind its full names tells a reader nothing: `Stage 4 (qualifier value)`.
_SEMANTIC_TAGS = (
    " (disorder)", " (finding)", " (procedure)", " (situation)", " (qualifier value)", " (regime/therapy)",
    " (observable entity)", " (morphologic abnormality)", " (substance)", " (product)", " (medicinal product)",
    " (clinical drug)", " (event)", " (body structure)", " (organism)", " (tumor staging)",
)  # fmt: skip


def shown(concept: wire.CodeableConcept | None) -> str:
    """The words for a reader: the text, else the first display, else a code; without SNOMED CT's semantic tag."""
    if concept is None:
        return ""
    if words := in_words(concept):
        return words
    return next((in_short(coding.code) for coding in concept.coding or () if coding and coding.code), "")


def in_words(concept: wire.CodeableConcept) -> str:
    """The same; empty where there are codes alone."""
    if concept.text and not concept.text.isspace():
        return in_short(concept.text)
    for coding in concept.coding or ():
        if coding and coding.display:
            return in_short(coding.display)
    return ""


def in_short(text: str) -> str:
    """A text as a reader is shown it: without SNOMED CT's semantic tag, and not endless."""
    if text.endswith(_SEMANTIC_TAGS):
        text = text[: text.rindex(" (")].rstrip() or text
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def texts(concept: wire.CodeableConcept | None) -> str:
    """Everything a CodeableConcept says in words: its text and the displays."""
    if concept is None:
        return ""
    words = [concept.text[:MAX_READ]] if concept.text else []
    words += [c.display[:MAX_READ] for c in concept.coding or () if c and c.display and c.display != concept.text]
    return "; ".join(w for w in words if not w.isspace())


def code_of(concept: wire.CodeableConcept | None, known: Collection[str] = ()) -> str:
    """A status as its code in lower case, or its text; empty where it says nothing. Of several codings the one that is
    `known` is meant, HL7's own before a server's."""
    if concept is None:
        return ""
    codings = [c for c in concept.coding or () if c and c.code]
    if len(codings) > 1:
        codings.sort(key=lambda c: (_plain(c.code) not in known, not (c.system or "").startswith(_HL7)))
    return _plain(codings[0].code) if codings else _plain(concept.text)


def _plain(text: str | None) -> str:
    return (text or "").strip().lower()

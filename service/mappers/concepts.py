"""What a CodeableConcept says in words, and the code of a status."""

from service.mappers import wire

MAX_SHOWN = 160  # characters of a text that a reader is shown
MAX_READ = 1000  # characters of a text that are looked through for names


def shown(concept: wire.CodeableConcept | None) -> str:
    """The words for a reader: the text, else the first display or code."""
    if concept is None:
        return ""
    if concept.text:
        return _cut(concept.text)
    for coding in concept.coding or ():
        if coding and (coding.display or coding.code):
            return _cut(coding.display or coding.code or "")
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def texts(concept: wire.CodeableConcept | None) -> str:
    """Everything a CodeableConcept says in words: its text and the displays."""
    if concept is None:
        return ""
    words = [concept.text[:MAX_READ]] if concept.text else []
    words += [c.display[:MAX_READ] for c in concept.coding or () if c and c.display and c.display != concept.text]
    return "; ".join(words)


def code_of(concept: wire.CodeableConcept | None) -> str:
    """A status as its code in lower case, or its text; empty where it says nothing."""
    if concept is None:
        return ""
    for coding in concept.coding or ():
        if coding and coding.code:
            return coding.code.strip().lower()
    return (concept.text or "").strip().lower()

"""Several documents as one: the answers to several queries are one record."""

from collections.abc import Iterable, Sequence

import msgspec

from service.mappers.documents import Document, read_document
from service.mappers.pages import missing_pages


def joined(documents: Iterable[Document], name: str = "record") -> Document:
    """The resources, gaps and notices of all documents, in their order."""
    whole = Document(name)
    for document in documents:
        offset = len(whole.items)
        whole.deleted += [msgspec.structs.replace(d, after=d.after + offset) for d in document.deleted]
        for item in document.items:
            if item.problem:  # its place is told, so it has to say in which document
                item.parent, item.index = _in(document.name, item.place), -1
        whole.items += document.items
        if document.passed_over.texts:
            whole.passed_over = document.passed_over  # of one document at most: it needs all lines of a patient
        whole.gaps += document.gaps
        whole.notices += [_in(document.name, notice) for notice in document.notices]
        whole.outcomes = whole.outcomes or document.outcomes
    return whole


def _in(name: str, told: str) -> str:
    """What is told of a document, or a place in it, with the document's name once."""
    return told if told.startswith(f"{name}: ") else f"{name}: {told}".removesuffix(": ")


def read_pages(pages: Sequence[bytes], name: str, *, whole: bool = True) -> Document:
    """The pages of one search, each page's `next` followed. With `whole` all were fetched: no page is missing, though
    they may hold less than their `total`."""
    read = [read_document(page, name, strict=False) for page in pages]
    for document in read:
        own = set(missing_pages(document.pages))
        document.gaps = [gap for gap in document.gaps if gap not in own]
    document = joined(read, name)
    document.notices = [notice.removeprefix(f"{name}: ") for notice in document.notices]
    if whole:
        told = [page for each in read for page in each.pages]
        total, found = max((page.total or 0 for page in told), default=0), sum(page.found for page in told)
        document.gaps += [("*", f"{found} of {total} results came")] if found < total else []
    return document

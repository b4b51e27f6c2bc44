"""One read or search from the first request to the last page."""

from typing import Any

from service import tracing
from service.fhir_client import contents
from service.fhir_client.addresses import Address, Bounds, Question
from service.fhir_client.answers import LATE, Answer, Failure, Kind
from service.fhir_client.exchange import Exchange


class Retrieval:
    """A read or search under way. One thread runs it; another may take what has come so far at any time."""

    def __init__(
        self, question: Question, exchange: Exchange, bounds: Bounds, max_pages: int, single: bool = False
    ) -> None:
        """`single`: only the first page of a search is wanted, and the address of the next. It is part of the trace of
        the thread that makes it."""
        self._question = question
        self._exchange = exchange
        self._bounds = bounds
        self._max_pages = max_pages
        self._single = single
        self._following = ""
        self._pages: list[bytes] = []
        self._within: Any = tracing.here()

    def run(self) -> Answer:
        with tracing.span(f"FHIR {self._question.resource_type}".rstrip(), self._within, asks=True) as span:
            answer = self._run()
            span.note(http__response__status_code=answer.status, trialhook__pages=len(answer.pages))
            if answer.kind:
                span.fail(answer.kind)
            return answer

    def _run(self) -> Answer:
        try:
            if self._question.searching:
                self._read_pages()
            else:
                self._read_one()
        except Failure as failure:
            return self._answer(failure.problem, failure.temporary, failure.kind, failure.explained)
        return self._answer()

    def so_far(self) -> Answer:
        """What has come of a retrieval whose time is over."""
        return self._answer(LATE, True, "timeout")

    def _answer(self, problem: str = "", temporary: bool = False, kind: Kind = "", explained: bool = False) -> Answer:
        status = self._exchange.status
        return Answer(tuple(self._pages), problem, temporary, status, self._following, kind, explained)

    def _read_one(self) -> None:
        body = self._exchange.get(self._question.address)
        head = contents.read_head(body)
        if self._question.resource_type:
            contents.check_kind(head, self._question.resource_type)
        self._pages.append(body)

    def _read_pages(self) -> None:
        address: Address | None = self._question.address
        seen: set[Address] = set()
        while address is not None:
            if address in seen:
                raise Failure("the server's pages lead in a circle")
            if len(seen) == self._max_pages:
                raise Failure(f"the server has more than {self._max_pages} pages")
            seen.add(address)
            body = self._exchange.get(address)
            head = contents.read_head(body)
            contents.check_searchset(head)
            self._pages.append(body)
            address = self._next(head, address)
            if self._single:
                self._following = address.url if address else ""
                return

    def _next(self, head: contents.Head, current: Address) -> Address | None:
        link = contents.next_link(head)
        if not link:
            return None
        try:
            return self._bounds.page(link, current)
        except ValueError:
            raise Failure("the link to the next page leads to an address that may not be called") from None

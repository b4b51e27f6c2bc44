"""What comes back from a read or a search, and why less than all of it came."""

from typing import Literal

import msgspec

LATE = "did not arrive in time"
# What operators tell failures apart by; `content` is anything that came and is not what FHIR says.
Kind = Literal["", "timeout", "connection", "http-4xx", "http-5xx", "content", "authorization"]


class Answer(msgspec.Struct, frozen=True):
    """What a server said to one read or search.

    `pages` are JSON bodies as they came, in order, also those before a failure. `problem` says why they are not all,
    in words fit for a clinician and a log: no patient data, no address, no token. `temporary`: trying again later may
    help. `status` is that of the last response, 0 where none came. `following` is the absolute address of the next
    page, where one page alone was asked for and there is a next. `kind` tells problems apart, empty where there is
    none. `explained`: the server said in FHIR's words why it refused, so that it was not something before it that did.
    """

    pages: tuple[bytes, ...]
    problem: str = ""
    temporary: bool = False
    status: int = 0
    following: str = ""
    kind: Kind = ""
    explained: bool = False

    @property
    def complete(self) -> bool:
        return not self.problem


class Failure(Exception):
    """Why a retrieval ended early. `problem`, `explained` as in Answer; `status` of the response that did it."""

    def __init__(
        self,
        problem: str,
        *,
        temporary: bool = False,
        status: int = 0,
        kind: Kind = "content",
        explained: bool = False,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.temporary = temporary
        self.status = status
        self.kind = kind
        self.explained = explained


def late() -> Failure:
    return Failure(LATE, temporary=True, kind="timeout")

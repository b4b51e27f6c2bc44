"""A request that the demo's FHIR endpoint does not answer with resources."""

from service.errors import TrialhookError


class Refusal(TrialhookError):
    """`status` is the HTTP status, `code` an issue type of FHIR (https://hl7.org/fhir/R4/valueset-issue-type.html).

    The message names parameters and what was expected of them; it never repeats a value that was sent.
    """

    def __init__(self, status: int, code: str, message: str, allow: str = "") -> None:
        super().__init__(message, code=code)
        self.status = status
        self.allow = allow

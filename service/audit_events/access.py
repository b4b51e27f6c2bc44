"""One access to a patient's data, as it is told to the audit trail."""

from typing import Literal

import msgspec


class TrialRead(msgspec.Struct, frozen=True):
    """A trial that the patient was judged against."""

    id: str
    version: str
    digest: str


class Access(msgspec.Struct, frozen=True):
    """`user` is the FHIR reference of who asked, where that is known; `client` the issuer of the caller's token, and
    `address` its network address. `status` is that of the HTTP answer; `kind` whether data came in to be judged
    (`operation`) or were shown (`read`). Empty texts stand for what is not known.
    """

    at: float
    kind: Literal["operation", "read"]
    endpoint: str
    request: str
    status: int
    patient: str = ""
    server: str = ""
    user: str = ""
    client: str = ""
    tenant: str = ""
    address: str = ""
    trials: tuple[TrialRead, ...] = ()

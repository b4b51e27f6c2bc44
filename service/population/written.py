"""What came of writing a screening to a server."""

import msgspec

from service.population.spill import ErrorRow

WRITE_BACK = "write-back"  # in place of a file's name, in errors.ndjson


class TrialWritten(msgspec.Struct, rename="camel"):
    """What was done for one trial: ResearchSubjects, of which a person had moved on the `left_alone`, and what became
    of the List: `created`, `updated`, `unchanged`, `failed`; `none` without candidates, `retired` where a person closed
    it, `draft` where nobody checked the trial."""

    trial: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    ruled_out: int = 0
    left_alone: int = 0
    failed: int = 0
    list: str = "none"


class Written(msgspec.Struct):
    """What was written to which server, and what could not be."""

    server: str
    trials: list[TrialWritten] = []
    errors: list[ErrorRow] = []

"""What becomes of a decision that is judged anew: the verdict, and everything that is not as it was."""

from typing import Any, Literal

import msgspec

Verdict = Literal["same", "differs", "not-reproduced"]


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is not as it was logged, or not at hand. `what`: input, key, trial-version, settings, value-sets,
    trialhook, answer, grade; `entry` for a line that is none. Of a screening, `input` names the file (or the source, if
    it is gone), and `grade` tells counts by grade."""

    what: str
    name: str = ""
    logged: Any = None
    here: Any = None


Compared = tuple[Verdict, list[Difference]]


class Replayed(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What became of one decision. `because` may name differences also where the answer is the same."""

    decision: str
    verdict: Verdict
    time: str = ""
    endpoint: str = ""
    as_of: str = ""
    because: tuple[Difference, ...] = ()

"""What a form cannot say of a trial: by criterion, with the reason."""

from collections.abc import Iterable

import msgspec


class Unsaid(msgspec.Struct, frozen=True):
    """Something of a criterion that is not in the form. `whole`: nothing of the criterion is."""

    criterion: str
    why: str
    whole: bool = True


def listed(unsaid: Iterable[Unsaid]) -> list[str]:
    """One line each, for a terminal or a comment."""
    return [f"{item.criterion}{'' if item.whole else ' (in part)'}: {item.why}" for item in unsaid]

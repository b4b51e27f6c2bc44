"""Sets of missing inputs: which are enough together, which are the smallest, and which can spoil them all."""

from collections.abc import Iterable

Way = frozenset[str]
MAX_WAYS = 24  # the smallest are kept; more than anybody would read


def smallest(ways: Iterable[Way]) -> tuple[Way, ...]:
    """The sets that hold no other one, the smallest first; in a stable order."""
    kept: list[Way] = []
    for way in sorted(set(ways), key=lambda w: (len(w), sorted(w))):
        if not any(known <= way for known in kept):
            kept.append(way)
            if len(kept) == MAX_WAYS:
                break
    return tuple(kept)


def of_all(parts: Iterable[tuple[Way, ...]]) -> tuple[Way, ...]:
    """What is enough for every part, given what is enough for each; none where one of them has no way."""
    found: tuple[Way, ...] = (frozenset(),)
    for ways in parts:
        found = smallest(one | other for one in found for other in ways)
    return found


def of_any(parts: Iterable[tuple[Way, ...]]) -> tuple[Way, ...]:
    """What is enough for one part."""
    return smallest(way for ways in parts for way in ways)


def against(ways: tuple[Way, ...]) -> tuple[Way, ...]:
    """What has to come out badly so that no way is left: one input at least of each."""
    return of_all(tuple(frozenset({name}) for name in sorted(way)) for way in ways) if ways else ()

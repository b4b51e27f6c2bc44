"""Counts that add up to a known one, and which of them to hide so that none can be computed from the others."""

from collections.abc import Collection, Iterable

END = ""  # those left at the end of the attrition; no criterion has this name


def small(count: int, below: int) -> bool:
    return 0 < count < below


class Group:
    """Counts that add up to a known one. `hidden` grows until no hidden one can be computed from the others; `spare`
    are those to be hidden first for another's sake."""

    def __init__(self, counts: dict[str, int], below: int, spare: Iterable[str] = ()) -> None:
        self.counts, self.below, self.spare = counts, below, tuple(spare)
        self.hidden = {key for key, count in counts.items() if small(count, below)}

    def close(self) -> None:
        while not self.safe(self.hidden):
            large = [key for key, count in self.counts.items() if count >= self.below and key not in self.hidden]
            if not large:
                self.hidden = set(self.counts)
                return
            self.hidden.add(min(large, key=self._cost))

    def safe(self, hidden: Collection[str]) -> bool:
        """Whether the sum of these gives none of them away."""
        return not hidden or (len(hidden) > 1 and any(self.counts[key] >= self.below for key in hidden))

    def _cost(self, key: str) -> tuple[int, bool, int]:
        rank = self.spare.index(key) if key in self.spare else len(self.spare)
        return rank, key == END, self.counts[key]

    def shown(self, key: str) -> int | None:
        return None if key in self.hidden else self.counts[key]

    def all_shown(self) -> dict[str, int | None]:
        return {key: self.shown(key) for key in self.counts}

"""What would settle a possible trial: the missing inputs, and the smallest sets of them that would."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import UNSET, UnsetType

from service.criteria import ways
from service.criteria.catalogue import Criterion
from service.criteria.findings import Finding, Need, Why
from service.criteria.lexicon import Lexicon
from service.criteria.results import Needed, Order, SmallestSets

MAX_SETS = 5
Unknown = tuple[Criterion, Finding]


def trials_by_input(unknown: Mapping[str, Sequence[Unknown]]) -> dict[str, tuple[str, ...]]:
    """The trials, of those given with their unknown criteria, that each missing input would serve."""
    found: dict[str, dict[str, None]] = {}
    for trial, pairs in unknown.items():
        for _, finding in pairs:
            for need in finding.needs:
                found.setdefault(need.input, {})[trial] = None
    return {name: tuple(sorted(trials)) for name, trials in found.items()}


def needed(unknown: Sequence[Unknown], serves: Mapping[str, tuple[str, ...]], lexicon: Lexicon) -> tuple[Needed, ...]:
    """The missing inputs of a trial's unknown criteria, those that settle most criteria and serve most trials first."""
    settles: dict[str, list[str]] = {}
    told: dict[str, Need] = {}
    for criterion, finding in unknown:
        for need in finding.needs:
            known = settles.setdefault(need.input, [])
            if criterion.id not in known:
                known.append(criterion.id)
            why = _why(need, finding)
            if need.input not in told or (told[need.input].why == "missing" and why != "missing"):
                told[need.input] = need if why == need.why else msgspec.structs.replace(need, why=why)
    order = sorted(settles, key=lambda name: (-len(settles[name]), -len(serves[name])))
    return tuple(
        Needed(
            name, told[name].why, tuple(settles[name]), told[name].last_date or UNSET, _order(name, lexicon),
            _label(told[name], lexicon), serves[name], told[name].lacks or UNSET,
        )
        for name in order
    )  # fmt: skip


def _why(need: Need, finding: Finding) -> Why:
    """Why the present datum does not do: where it is the only one asked for, the criterion's own basis tells."""
    alone = len(finding.needs) == 1 and need.why == "missing"
    return finding.basis if alone and finding.basis in ("stale", "conflict", "unusable") else need.why


def _label(need: Need, lexicon: Lexicon) -> str:
    """What a reader calls it: ordered as before, a result would come without its upper limit again."""
    title = lexicon.title(need.input)
    return f"{title} with its {need.lacks}" if need.lacks else title


def smallest_sets(unknown: Sequence[Unknown], lexicon: Lexicon) -> SmallestSets:
    """The sets of missing inputs that could make a possible trial probable, and those that could close it, each the
    smallest; the one that takes least effort first. A criterion that no datum settles leaves none for the first."""
    enough = tuple(finding.all_ways() for _, finding in unknown)
    closing = tuple(f.closing if "fail" in criterion.rule.outcomes() else () for criterion, f in unknown)
    return _smallest_sets(enough, closing, lexicon)


@lru_cache(1024)  # what is missing of a trial is the same for many patients
def _smallest_sets(
    enough: tuple[tuple[ways.Way, ...], ...], told: tuple[tuple[ways.Way, ...] | None, ...], lexicon: Lexicon
) -> SmallestSets:
    pairs = zip(enough, told, strict=True)
    closing = [ways.against(each) if known is None else known for each, known in pairs]
    return SmallestSets(
        _cheapest(ways.of_all(enough), lexicon), _cheapest(ways.of_any(closing), lexicon, by_criteria=closing)
    )


def _cheapest(
    sets: Iterable[ways.Way], lexicon: Lexicon, by_criteria: Sequence[tuple[ways.Way, ...]] = ()
) -> tuple[tuple[str, ...], ...]:
    """The first few: by how many inputs, how many criteria they may fail, how much effort they take, by name."""

    def rank(way: ways.Way) -> tuple[int, int, int, list[str]]:
        fails = sum(any(other <= way for other in closing) for closing in by_criteria)
        return len(way), -fails, sum(lexicon.effort(name) for name in way), sorted(way)

    ordered = sorted((way for way in sets if way), key=rank)
    return tuple(tuple(sorted(way)) for way in ordered[:MAX_SETS])


def _order(name: str, lexicon: Lexicon) -> Order | UnsetType:
    order = lexicon.order(name)
    return Order(*order) if order else UNSET

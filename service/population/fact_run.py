"""A run that keeps facts: where they stand in for the inputs nothing is sorted, else what was read is kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.population.fact_judging import FactsJudge
from service.population.fact_store import Facts, Store
from service.population.files import Input
from service.population.judging import Judge
from service.population.ledger import Ledger, alone, write_whole
from service.population.progress import Progress
from service.population.spill import Gap

# In the folder of a run's work: the reports of sorting are the store's, and nothing was sorted.
STANDING_IN = "from-facts"


@contextmanager
def opened(facts: Facts | None) -> Iterator[Store | None]:
    """The store of a run, for this run alone; None where it keeps no facts."""
    if facts is None:
        yield None
        return
    facts.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(facts.folder):
        yield Store(facts)


def prepare(
    store: Store | None,
    ledger: Ledger,
    work: Path,
    inputs: Sequence[Input],
    gaps: Sequence[Gap],
    reports: Sequence[Path],
    told: Progress,
) -> None:
    """Spare the sorting where the store holds all that it would give. `reports`: where the reports of sorting go."""
    usable = store is not None and store.stands_in(inputs, gaps, ledger.parts)
    marker = work / STANDING_IN
    if marker.exists() and not usable and ledger.phase != "assembling":  # the store of a killed run is gone or another
        for report in reports:
            report.unlink(missing_ok=True)
        marker.unlink()
        ledger.phase = "sorting"
    if store is None or ledger.phase != "sorting":
        return
    if usable and (marker.exists() or not any(report.exists() for report in reports)):
        work.mkdir(parents=True, exist_ok=True)
        marker.touch()
        for number, report in enumerate(reports):
            write_whole(report, store.sorted_input(number).read_bytes())
        told.note("facts: the inputs are the same, and are not read again")
    elif store.changed:
        told.note(f"facts: {' and '.join(store.changed)} changed; every patient is read again")


def with_facts(judge: Judge, store: Store, ledger: Ledger, work: Path, only: str, limit: int) -> FactsJudge:
    """The same judge, going by a store, which keeps what any trial may ask for. A run of some patients only leaves the
    store as it is."""
    own = {name: getattr(judge, name) for name in Judge.__struct_fields__}
    return FactsJudge(
        **own | {"sieve": judge.screening.sieve()},
        store=store,
        parts=ledger.parts,
        digests=[source.digest for source in ledger.inputs],
        stands_in=(work / STANDING_IN).exists(),
        keeps=not only and not limit,
        only=only,
    )


def begin(judge: FactsJudge, ledger: Ledger, gaps: Sequence[Gap], is_new: bool) -> None:
    """Before the first part is judged. `is_new`: none was by a killed run."""
    if judge.keeps and not judge.stands_in:
        judge.store.begin(ledger.inputs, gaps, ledger.parts, is_new)


def finish(judge: FactsJudge, reports: Sequence[Path]) -> None:
    """After the last part was judged."""
    if judge.keeps and not judge.stands_in:
        judge.store.finish(reports)

"""Sorting the inputs of a run: an input a job, of a large one a slice; its report is there wholly or not."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from service.population.bundles import sort_bundle
from service.population.files import Input, has_changed
from service.population.ledger import mark, write_whole
from service.population.spill import ErrorRow, Gap, Sorted, Spill, sort_lines, spill_folder, type_told

MIN_SLICE = 16 << 20  # bytes of an input that is sorted by one worker however many there are


class Sorting(msgspec.Struct, frozen=True):
    """An input to be sorted, or a slice `of` so many: those of one input are merged by who asked for them."""

    source: Input
    number: int
    work: Path
    parts: int
    only: str
    slice: int
    of: int


def sorting_jobs(
    inputs: Sequence[Input], left: Sequence[int], workers: int, work: Path, parts: int, only: str
) -> list[tuple[int, Sorting]]:
    """For several workers, those that take long first; what is larger than half a worker's share is shared out."""
    order = sorted(left, key=lambda n: -_weight(inputs[n])) if workers > 1 else left
    share = max(MIN_SLICE, sum(inputs[n].weight for n in left) / (2 * workers))
    return [
        (n, Sorting(inputs[n], n, work, parts, only, i, of))
        for n in order
        for of in [_slices(inputs[n], share, workers)]
        for i in range(of)
    ]


def _weight(source: Input) -> int:
    """Members of an archive stay in its order, in which they are unpacked."""
    return 0 if source.member else source.weight


def _slices(source: Input, share: float, workers: int) -> int:
    if source.kind != "lines" or source.in_packed_tar:
        return 1
    return max(1, min(workers, round(source.weight / share)))


def sort_one(job: Sorting) -> Sorted:
    spill = Spill(spill_folder(job.work / "spill", job.number, job.slice), job.parts)
    if job.source.kind == "bundle":
        found = sort_bundle(job.source, spill, job.only)
    else:
        found = sort_lines(job.source, spill, job.only, slice_=job.slice, of=job.of)
    if job.of == 1:
        _write_report(job, found)
    return found


def _write_report(job: Sorting, found: Sorted) -> None:
    if has_changed(job.source, found.digest):
        name = job.source.name
        found.errors.append(ErrorRow(name, 0, "the file changed while it was read"))
        kind = "*" if job.source.kind == "bundle" else type_told(name, found.counts)
        found.gaps.append(Gap(kind, f"{name} changed while it was read"))
    write_whole(mark(job.work, "sorted", job.number), msgspec.json.encode(found))


def whole_inputs(
    came: Iterable[tuple[int, Sorted]], jobs: Sequence[tuple[int, Sorting]]
) -> Iterator[tuple[int, Sorted]]:
    """The reports of whole inputs, as they come: of slices once all are there."""
    job_of = dict(jobs)
    waiting: dict[int, list[Sorted]] = {}
    for number, found in came:
        job = job_of[number]
        if job.of == 1:
            yield number, found
            continue
        slices = waiting.setdefault(number, [])
        slices.append(found)
        if len(slices) == job.of:
            whole = Sorted("")
            for each in waiting.pop(number):
                whole.merge(each)
            whole.finish(job.source.name)
            _write_report(job, whole)
            yield number, whole

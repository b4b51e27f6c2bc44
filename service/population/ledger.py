"""What a screening has done so far: the manifest beside its outputs, written whole or not at all.

A killed run goes on from it. A changed question (inputs, trials, value sets, day, options) is refused, not mixed in.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Literal

import msgspec

from service.errors import ChangedQuestion
from service.population.files import Input, digest_of
from service.population.spill import Gap

NAME = "manifest.json"
_DRAFT = re.compile(r"\..+\.\d+\.part")  # as `write_whole` calls what is not whole yet


class Source(msgspec.Struct, frozen=True, rename="camel"):
    """One input as it was when it was read."""

    name: str
    size: int
    modified: int
    digest: str = ""


class Question(msgspec.Struct, frozen=True, rename="camel"):
    """Everything an answer depends on besides the inputs' bytes."""

    as_of: str
    trials: dict[str, str]
    value_sets: str
    trialhook: str
    options: dict[str, str]


class Totals(msgspec.Struct, rename="camel"):
    """What has been done so far."""

    inputs_sorted: int = 0
    parts_judged: int = 0
    patients: int = 0
    errors: int = 0


class Ledger(msgspec.Struct, rename="camel"):
    """The manifest: the question, the inputs, how far it is. What is done in a phase is marked by its files, which are
    written last; here stand the phase (sorting, judging, assembling, done) and the totals."""

    question: Question
    source: str
    inputs: list[Source]
    parts: int
    phase: Literal["sorting", "judging", "assembling", "done"] = "sorting"
    totals: Totals = msgspec.field(default_factory=Totals)
    gaps: list[Gap] = []
    trial_versions: dict[str, str] = {}  # for readers; the digests in the question decide


def load(folder: Path) -> Ledger | None:
    """The ledger of a folder, or None where there is none."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Ledger)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise ChangedQuestion(f"{folder / NAME} is no manifest of a screening") from None


def save(ledger: Ledger, folder: Path) -> None:
    write_whole(folder / NAME, msgspec.json.format(msgspec.json.encode(ledger), indent=1))


def write_whole(path: Path, data: bytes) -> None:
    """A file that is there wholly or not at all, also after a power cut."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def mark(folder: Path, kind: str, number: int) -> Path:
    """The file that says that an input is sorted, or a part judged, and what came of it."""
    return folder / f"{kind}-{number:05}.json"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one run at a time works in a folder, and what killed ones were writing there is taken away. ChangedQuestion
    where another one does."""
    path = folder / ".lock"
    with ExitStack() as opened:
        while True:
            lock = opened.enter_context(path.open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ChangedQuestion(f"another run is at work in {folder}") from None
            if _is_still(lock, path):
                break  # else the one before took it away in between, and a third could lock another of the name
        for left in os.listdir(folder):
            if _DRAFT.fullmatch(left):
                (folder / left).unlink()
        yield
        path.unlink(missing_ok=True)


def _is_still(file: IO[str], path: Path) -> bool:
    """Whether a path leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def require_same(old: Ledger, question: Question, inputs: list[Input] | None) -> None:
    """ChangedQuestion where a resumed run would not answer what the first one asked. Inputs that were fetched for a run
    are gone with it: None does without them."""
    differences = [*_of_question(old.question, question), *(_of_inputs(old, inputs) if inputs is not None else ())]
    if differences:
        told = "; ".join(differences)
        raise ChangedQuestion(f"the earlier run cannot be resumed: {told}. Ask what it asked, or name another --out")


def _of_question(old: Question, new: Question) -> list[str]:
    found = []
    if old.as_of != new.as_of:
        found.append(f"the as-of date was {old.as_of}, now {new.as_of}")
    if old.trialhook != new.trialhook:
        found.append(f"it was made by trialhook {old.trialhook}, this is {new.trialhook}")
    for name in sorted({*old.trials, *new.trials}):
        if old.trials.get(name) != new.trials.get(name):
            how = "is new" if name not in old.trials else "is gone" if name not in new.trials else "has changed"
            found.append(f"trial {name} {how}")
    if old.value_sets != new.value_sets:
        found.append("value sets, inputs or site settings have changed")
    found += [
        f"{name} was {old.options.get(name) or 'not set'}, now {new.options.get(name) or 'not set'}"
        for name in sorted({*old.options, *new.options})
        if old.options.get(name) != new.options.get(name)
    ]
    return found


def _of_inputs(old: Ledger, inputs: list[Input]) -> list[str]:
    known = {source.name: source for source in old.inputs}
    found = [f"{name} is gone" for name in sorted(known.keys() - {i.name for i in inputs})]
    for source in inputs:
        before = known.get(source.name)
        if before is None:
            found.append(f"{source.name} is new")
        elif before.size != source.size:
            found.append(f"{source.name} has changed (size)")
        elif before.modified != source.modified and digest_of(source) != before.digest:
            found.append(f"{source.name} has changed")
    return found

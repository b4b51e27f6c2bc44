"""A folder of facts: what was read once of each patient, in Parquet, with the versions of everything it was read with.

Rows tell for themselves what they rest on (a digest of the patient's lines, a version), so a part that a killed run
left is as good as any. The manifest is written before the first and after the last part: only then do the facts stand
in for the inputs they were read from.
"""

import hashlib
import importlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec

from service.errors import SettingsError
from service.population.facts import FORMAT
from service.population.files import Input, digest_of
from service.population.ledger import Source, write_whole
from service.population.spill import Gap
from service.settings import Settings

NAME = "manifest.json"
INCOMPLETE = "incomplete"
# How many times the bytes of a part a store's parts may grow to before it is made anew with more of them.
MAX_GROWTH = 4
# What turns lines into facts: a change of it is a change of the facts, as far as anyone can tell.
_READING = ("mappers/*.py", "criteria/facts.py", "criteria/spans.py", "criteria/amounts.py", "population/facts.py",
            "population/records.py", "population/bundles.py")  # fmt: skip


class Facts(msgspec.Struct, frozen=True):
    """Where facts are kept, and the versions of what they are read with, by name."""

    folder: Path
    versions: dict[str, str]

    @property
    def version(self) -> str:
        return _digest(repr(sorted(self.versions.items())).encode())


class About(msgspec.Struct, frozen=True, array_like=True):
    """What came of a patient's lines: facts, a record that cannot be read (why), or lines without a Patient.

    `places` are files by number and lines: those that an error names. `shared` are the names of resources that are
    nobody's and were looked for; `undated` tells that no Patient has a birth date.
    """

    kind: Literal["facts", "unreadable", "orphan"]
    places: tuple[tuple[int, int], ...]
    shared: tuple[str, ...] = ()
    undated: bool = False
    code: str = ""
    message: str = ""


class Row(msgspec.Struct, frozen=True):
    """One patient: the digest of their lines, the version of the reading, what came of it, the packed facts."""

    patient: str
    digest: str
    version: str
    about: bytes
    facts: bytes


class Manifest(msgspec.Struct, rename="camel"):
    """What a store was made from. `whole` where the facts of all patients of the inputs are there; `held` are then the
    parts that hold some."""

    versions: dict[str, str]
    parts: int
    inputs: list[Source] = []
    gaps: list[Gap] = []
    whole: bool = False
    held: list[int] = []


def facts_in(folder: Path, settings: Settings) -> Facts:
    """The facts of a folder, there or to come. SettingsError without the extra that brings Parquet."""
    _parquet()
    return Facts(folder, versions(settings))


def versions(settings: Settings) -> dict[str, str]:
    """Digests of all that reading rests on: value sets, inputs and vocabulary, time zone, the reader itself."""
    folders = (Path(str(files("service.mappers"))), *settings.value_sets)
    service = Path(str(files("service")))
    reading = (path for pattern in _READING for path in sorted(service.glob(pattern)))
    return {
        "value sets": _of_files((path, f) for f in folders for path in sorted(f.rglob("*.json"))),
        "inputs and vocabulary": _of_files((path, f) for f in folders for path in sorted(f.rglob("*.yaml"))),
        "the time zone": str(settings.timezone),
        "the reader": f"{FORMAT}-{_of_files((path, service) for path in reading)}",
    }


def _of_files(found: Iterable[tuple[Path, Path]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path, folder in found:
        data = path.read_bytes()
        digest.update(b"%b\0%d\0%b" % (path.relative_to(folder).as_posix().encode(), len(data), data))
    return digest.hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Store:
    """The facts of a folder, as a run finds and leaves them."""

    def __init__(self, facts: Facts) -> None:
        self.folder = facts.folder
        self.facts = facts
        self.version = facts.version
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.manifest = self._load()

    def _load(self) -> Manifest | None:
        try:
            return msgspec.json.decode((self.folder / NAME).read_bytes(), type=Manifest)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            raise SettingsError(f"{self.folder / NAME} is no manifest of facts") from None

    @property
    def changed(self) -> list[str]:
        """The names of what facts were read with that is another now."""
        old = self.manifest.versions if self.manifest else self.facts.versions
        return [name for name, version in self.facts.versions.items() if old.get(name) != version]

    def parts_for(self, wanted: int) -> int:
        """The number of parts: the store's own as long as the inputs have not outgrown it."""
        stored = self.manifest.parts if self.manifest else 0
        return stored if stored and wanted <= stored * MAX_GROWTH else wanted

    def stands_in(self, inputs: Sequence[Input], gaps: Sequence[Gap], parts: int) -> bool:
        """Whether it holds everything that reading the inputs again would give."""
        made = self.manifest
        return (
            made is not None
            and made.whole
            and not self.changed
            and made.parts == parts
            and made.gaps == list(gaps)
            and len(made.inputs) == len(inputs)
            and all(path.exists() for path in self._files(made))
            and all(_is_same(old, new) for old, new in zip(made.inputs, inputs, strict=True))
        )

    def _files(self, made: Manifest) -> Iterator[Path]:
        """What a whole store cannot do without."""
        yield from (self._part(number) for number in made.held)
        yield from (self.sorted_input(number) for number in range(len(made.inputs)))

    # -- parts

    def rows(self, number: int, parts: int) -> dict[str, Row]:
        """The usable rows of a part by patient, in the order of patients. SettingsError where it is damaged."""
        path = self._part(number)
        if self.manifest is None or self.manifest.parts != parts or not path.exists():
            return {}
        arrow, parquet = _parquet()
        try:
            table = parquet.read_table(path, use_threads=False)
        except arrow.ArrowException:
            raise SettingsError(f"{path} is damaged; without the folder of facts all patients are read again") from None
        found = (Row(**values) for values in table.to_pylist())
        return {row.patient: row for row in found if row.version == self.version}

    def write(self, number: int, rows: Sequence[Row]) -> None:
        arrow, parquet = _parquet()
        text, data = arrow.string(), arrow.binary()
        kinds = {"patient": text, "digest": text, "version": text, "about": data, "facts": data}
        columns = [arrow.array([getattr(row, name) for row in rows], type=kind) for name, kind in kinds.items()]
        sink = arrow.BufferOutputStream()
        parquet.write_table(arrow.table(columns, names=list(kinds)), sink, compression="zstd")
        write_whole(self._part(number), sink.getvalue())

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:05}.parquet"

    # -- the manifest

    def begin(self, inputs: Sequence[Source], gaps: Sequence[Gap], parts: int, is_new: bool) -> None:
        """Before parts are written. `is_new`: none has been yet by this run, or by the killed one it goes on with."""
        old = self.manifest
        made = Manifest(self.facts.versions, parts, list(inputs), list(gaps))
        goes_on = old is not None and msgspec.structs.replace(old, whole=False, held=[]) == made
        if is_new:
            (self.folder / INCOMPLETE).unlink(missing_ok=True)
        elif not goes_on:
            self.leave_incomplete()
        if old is not None and old.parts != parts:
            for path in self.folder.glob("part-*.parquet"):
                path.unlink()
        self._save(made)

    def leave_incomplete(self) -> None:
        """Facts of some patient are not there: the store does not stand in for its inputs."""
        (self.folder / INCOMPLETE).touch()

    def finish(self, sorted_inputs: Sequence[Path]) -> None:
        """After the last part. The reports of sorting the inputs are kept beside the facts."""
        if self.manifest is None or (self.folder / INCOMPLETE).exists():
            return
        for number, path in enumerate(sorted_inputs):
            write_whole(self.sorted_input(number), path.read_bytes())
        held = [number for number in range(self.manifest.parts) if self._part(number).exists()]
        self._save(msgspec.structs.replace(self.manifest, whole=True, held=held))

    def sorted_input(self, number: int) -> Path:
        """The report of sorting an input."""
        return self.folder / f"sorted-{number:05}"

    def _save(self, manifest: Manifest) -> None:
        self.manifest = manifest
        write_whole(self.folder / NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def _is_same(old: Source, new: Input) -> bool:
    if (old.name, old.size) != (new.name, new.size):
        return False
    return old.modified == new.modified or digest_of(new) == old.digest


def _parquet() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as problem:
        raise SettingsError("--facts needs the extra `parquet`: pip install 'trialhook[parquet]'") from problem

"""Trials as data: files read, checked and compiled; which version of each is in effect on a day, and which are used.
Every mistake of a file is told, with its place."""

import hashlib
from collections.abc import Iterable
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from marshmallow import ValidationError

from service.criteria.evaluation import Rule
from service.criteria.lexicon import Lexicon
from service.criteria.places import PlacedError, problems_of, read
from service.criteria.schema import INTERNED, LEXICON, nearest
from service.criteria.trial_schema import TrialSchema
from service.errors import TrialError

FILE = "trial.yaml"
_DEPTHS = (FILE, f"*/{FILE}", f"*/*/{FILE}")
Recruitment = Literal[
    "recruiting", "not-yet-recruiting", "enrolling-by-invitation", "active-not-recruiting", "suspended", "terminated",
    "completed", "withdrawn", "unknown",
]  # fmt: skip
Status = Literal["draft", "active", "retired"]
OPEN = frozenset({"recruiting", "not-yet-recruiting", "enrolling-by-invitation"})


class Arm(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    type: str
    description: str


class Site(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    name: str
    city: str = ""
    state: str = ""
    country: str = ""


class Publication(msgspec.Struct, frozen=True, rename="camel"):
    citation: str
    date: str
    result: str


class SourceItem(msgspec.Struct, frozen=True):
    """One item of the source that the trial was written from, and the digest of its words then."""

    item: str
    digest: str


class Criterion(msgspec.Struct, frozen=True):
    """One criterion: its id and text, its place in the source, and the compiled rule.

    `draft` holds the words that an unchecked rule was read from; `arms` those that alone ask for it, all where empty.
    """

    id: str
    type: Literal["inclusion", "exclusion"]
    text: str
    source: str
    rule: Rule
    interpretation: str = ""
    draft: str = ""
    arms: tuple[str, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """A trial: registry facts and compiled criteria, in the file's order. Dates are ISO, empty where not told."""

    id: str
    short_name: str
    title: str
    version: str
    status: Status
    phases: tuple[str, ...]
    recruitment: Recruitment
    recruitment_date: str
    recruitment_note: str
    sponsor: str
    registry_url: str
    source: str
    enrolled: str
    arms: tuple[Arm, ...]
    sites: tuple[Site, ...]
    results: tuple[Publication, ...]
    interpretations: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    digest: str
    path: str
    owner: str = ""
    review_by: str = ""
    effective_from: str = ""
    effective_to: str = ""
    example: bool = False
    source_items: tuple[SourceItem, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.recruitment in OPEN

    @property
    def standing(self) -> Status:
        """Its status; a trial with a rule that nobody has checked is a draft, whatever its file says."""
        if self.status == "active" and any(criterion.draft for criterion in self.criteria):
            return "draft"
        return self.status


@contextmanager
def _compiling(lexicon: Lexicon, interned: dict[Any, Any]) -> Any:
    tokens = LEXICON.set(lexicon), INTERNED.set(interned)
    try:
        yield
    finally:
        LEXICON.reset(tokens[0])
        INTERNED.reset(tokens[1])


def compile_trial(text: str, path: str, lexicon: Lexicon, interned: dict[Any, Any] | None = None) -> Trial:
    """One trial file. TrialError lists every mistake as `path:line:column: where: what`.

    Rules that are equal share one object in `interned`, so that a patient is asked each question once for all trials.
    """
    try:
        placed = read(text)
    except PlacedError as problem:
        line = f"{path}:{problem.line}:{problem.column}: {problem.message}"
        raise TrialError(line, (line,)) from None
    if not isinstance(placed.data, dict):
        line = f"{path}:1:1: a trial was expected: a mapping with id, title, criteria …"
        raise TrialError(line, (line,))
    with _compiling(lexicon, {} if interned is None else interned):
        try:
            data = TrialSchema().load(placed.data)
        except ValidationError as problem:
            lines = problems_of(problem.messages, placed, path)
            raise TrialError("\n".join(lines), lines) from None
    return _trial(data, text, path)


def _trial(data: dict[str, Any], text: str, path: str) -> Trial:
    return Trial(
        id=data["id"],
        short_name=data["short_name"],
        title=data["title"],
        version=data["version"],
        status=data["status"],
        phases=tuple(data["phases"]),
        recruitment=data["recruitment"],
        recruitment_date=data.get("recruitment_date", ""),
        recruitment_note=data.get("recruitment_note", ""),
        sponsor=data["sponsor"],
        registry_url=data["registry_url"],
        source=data["source"],
        enrolled=data.get("enrolled", ""),
        arms=tuple(Arm(**arm) for arm in data.get("arms", ())),
        sites=tuple(Site(**site) for site in data.get("sites", ())),
        results=tuple(Publication(**result) for result in data.get("results", ())),
        interpretations=tuple(data.get("interpretations", ())),
        criteria=tuple(Criterion(**c | {"arms": tuple(c.get("arms", ()))}) for c in data["criteria"]),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
        owner=data.get("owner", ""),
        review_by=data.get("review_by", ""),
        effective_from=data.get("effective_from", ""),
        effective_to=data.get("effective_to", ""),
        example=data.get("example", False),
        source_items=tuple(SourceItem(**item) for item in data.get("source_items", ())),
    )


class Trials(msgspec.Struct, frozen=True):
    """A set of trials compiled together, one version of each, in the order of their ids. `day` is the day as of which
    the versions were chosen (ISO), empty where that is not asked; `others` are the versions that were not."""

    trials: tuple[Trial, ...]
    day: str = ""
    others: tuple[Trial, ...] = ()

    def __getitem__(self, identifier: str) -> Trial:
        for trial in self.trials:
            if trial.id == identifier:
                return trial
        raise KeyError(identifier)

    def chosen(self, identifiers: Iterable[str]) -> "Trials":
        """Only these; KeyError for one that is not there."""
        wanted = list(identifiers)
        return Trials(tuple(self[i] for i in dict.fromkeys(wanted)), self.day) if wanted else self

    def in_use(self, enabled: Iterable[str] = (), drafts: bool = False) -> "Trials":
        """Those that answer where none is named: active, in effect, and among the enabled ones where some are listed.

        TrialError for an enabled one that is not there.
        """
        wanted = set(enabled)
        known = [trial.id for trial in self.trials]
        if missing := sorted(wanted.difference(known)):
            said = tuple(f"TRIALHOOK_ENABLED_TRIALS: no trial called {name}{nearest(name, known)}" for name in missing)
            raise TrialError("\n".join(said), said)
        used = tuple(t for t in self.trials if (not wanted or t.id in wanted) and self._is_used(t, drafts))
        return Trials(used, self.day) if len(used) < len(self.trials) else self

    def _is_used(self, trial: Trial, drafts: bool) -> bool:
        standing = trial.standing
        return (standing == "active" or (drafts and standing == "draft")) and in_effect(trial, self.day)


def in_effect(trial: Trial, day: str) -> bool:
    """Whether a version is in effect on a day (ISO); any is where no day is asked."""
    return not day or trial.effective_from <= day <= (trial.effective_to or day)


def trial_files(folder: Path) -> list[Path]:
    """The trial files below a folder: `trial.yaml` in it, in its sub-folders (one a trial) and in theirs (one a
    version); a file is its own."""
    if folder.is_file():
        return [folder]
    found = [path for depth in _DEPTHS for path in sorted(folder.glob(depth)) if path.is_file()]
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]  # a link may lead back


def load_trials(lexicon: Lexicon, folders: Iterable[Path] = (), built_in: bool = True, day: str = "") -> Trials:
    """One version of each trial: the built-in ones, and those of further folders (or single files); all files of an id
    in a later folder replace those of an earlier one.

    Of several versions in one folder the one in effect on `day` (ISO) is taken. Raises TrialError with every mistake of
    every file.
    """
    found: dict[str, tuple[Trial, ...]] = {}
    problems: list[str] = []
    interned: dict[Any, Any] = {}
    for paths in [*([_built_in()] if built_in else []), *map(trial_files, folders)]:
        found |= versions(_compiled(paths, lexicon, interned, problems), problems)
    if problems:
        raise TrialError("\n".join(problems), tuple(problems))
    taken = tuple(version_on(found[name], day) for name in sorted(found))
    others = tuple(t for name in sorted(found) for t in found[name] if all(t is not used for used in taken))
    return Trials(taken, day, others)


def _built_in() -> list[Path]:
    return trial_files(Path(str(files("service.criteria") / "trials")))


def _compiled(
    paths: Iterable[Path], lexicon: Lexicon, interned: dict[Any, Any], problems: list[str]
) -> Iterable[Trial]:
    """What could be read of some files; the mistakes of the others are added to `problems`."""
    for path in paths:
        try:
            yield compile_trial(path.read_text("utf-8"), str(path), lexicon, interned)
        except TrialError as mistake:
            problems += mistake.problems
        except UnicodeDecodeError as mistake:
            problems.append(f"{path}:1:1: a text in UTF-8 was expected; byte {mistake.start + 1} is none")
        except OSError as mistake:
            problems.append(f"{path}:1:1: cannot be read: {mistake.strerror}")


def versions(trials: Iterable[Trial], problems: list[str]) -> dict[str, tuple[Trial, ...]]:
    """Trials by id, the versions of each in the order in which they take effect. Two that begin alike are a mistake."""
    found: dict[str, tuple[Trial, ...]] = {}
    for trial in sorted(trials, key=lambda t: (t.id, t.effective_from)):
        before = found.get(trial.id, ())
        if before and before[-1].effective_from == trial.effective_from:
            which = f"in effect from {trial.effective_from}" if trial.effective_from else "without `effective-from`"
            problems.append(
                f"{trial.path}:1:1: a version of {trial.id} {which} stands in {before[-1].path} too; "
                "versions side by side differ in `effective-from`"
            )
        found[trial.id] = (*before, trial)
    return found


def version_on(sorted_versions: tuple[Trial, ...], day: str) -> Trial:
    """The version in effect on a day: of those that have begun the latest. The newest where no day is asked; the first
    one where none has begun."""
    begun = [trial for trial in sorted_versions if not day or trial.effective_from <= day]
    return begun[-1] if begun else sorted_versions[0]

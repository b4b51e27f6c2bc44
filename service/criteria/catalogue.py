"""Trials as data: one folder a trial, read, checked and compiled. Every mistake of a file is told, with its place."""

import hashlib
from collections.abc import Iterable
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length

import service.criteria.kinds  # noqa: F401 - registers every kind of rule and sign
from service.criteria.evaluation import Rule
from service.criteria.lexicon import Lexicon
from service.criteria.places import PlacedError, problems_of, read
from service.criteria.schema import INTERNED, LEXICON, ListOf, OneOf, RuleField, Strict, Text
from service.errors import TrialError

Recruitment = Literal[
    "recruiting", "not-yet-recruiting", "enrolling-by-invitation", "active-not-recruiting", "suspended", "terminated",
    "completed", "withdrawn", "unknown",
]  # fmt: skip
RECRUITMENTS = (
    "recruiting", "not-yet-recruiting", "enrolling-by-invitation", "active-not-recruiting", "suspended", "terminated",
    "completed", "withdrawn", "unknown",
)  # fmt: skip
OPEN = frozenset({"recruiting", "not-yet-recruiting", "enrolling-by-invitation"})
PHASES = ("early-phase-1", "phase-1", "phase-2", "phase-3", "phase-4", "not-applicable")


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


class Criterion(msgspec.Struct, frozen=True):
    """One criterion: its id and text, its place in the source, and the compiled rule."""

    id: str
    type: Literal["inclusion", "exclusion"]
    text: str
    source: str
    rule: Rule
    interpretation: str = ""


class Trial(msgspec.Struct, frozen=True):
    """A trial: registry facts and compiled criteria, in the file's order."""

    id: str
    short_name: str
    title: str
    version: str
    status: Literal["draft", "active", "retired"]
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

    @property
    def is_open(self) -> bool:
        return self.recruitment in OPEN


class _ArmSchema(Strict):
    name = Text(required=True)
    type = OneOf("experimental", "active-comparator", "placebo-comparator", "no-intervention", "other", required=True)
    description = Text(required=True)


class _SiteSchema(Strict):
    name = Text(required=True)
    city = Text()
    state = Text()
    country = Text()


class _ResultSchema(Strict):
    citation = Text(required=True)
    date = Text(required=True)
    result = Text(required=True)


class _CriterionSchema(Strict):
    id = Text(required=True)
    type = OneOf("inclusion", "exclusion", required=True)
    source = Text(required=True, metadata={"description": "the item's place in the source: I1, E2, registry, title"})
    text = Text(required=True, metadata={"description": "the criterion in our own words"})
    rule = RuleField(required=True)
    interpretation = Text(metadata={"description": "how an unclear source was read"})


class TrialSchema(Strict):
    id = Text(required=True)
    short_name = Text(data_key="short-name", required=True)
    title = Text(required=True)
    version = Text(required=True, metadata={"description": "the date of the source this was written from"})
    status = OneOf("draft", "active", "retired", required=True)
    phases = ListOf(OneOf(*PHASES), required=True)
    recruitment = OneOf(*RECRUITMENTS, required=True)
    recruitment_date = Text(data_key="recruitment-date")
    recruitment_note = Text(data_key="recruitment-note")
    sponsor = Text(required=True)
    registry_url = Text(data_key="registry-url", required=True)
    source = Text(required=True, metadata={"description": "which text it was written from"})
    enrolled = Text()
    arms = fields.List(fields.Nested(_ArmSchema))
    sites = fields.List(fields.Nested(_SiteSchema))
    results = fields.List(fields.Nested(_ResultSchema))
    interpretations = fields.List(Text())
    criteria = fields.List(
        fields.Nested(_CriterionSchema),
        required=True,
        validate=Length(min=1, error="at least one criterion was expected: a trial without any would fit everybody"),
    )

    error_messages = {"type": "a mapping was expected"}  # noqa: RUF012 - the base class declares it so

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _ids_once(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """Read from the file as it stands: a criterion with another mistake is not in the loaded data."""
        seen: set[str] = set()
        twice: dict[int, Any] = {}
        criteria = original.get("criteria") if isinstance(original, dict) else None
        for i, criterion in enumerate(criteria if isinstance(criteria, list) else ()):
            name = criterion.get("id") if isinstance(criterion, dict) else None
            if isinstance(name, str) and (shown := " ".join(name.split())):
                if shown in seen:
                    twice[i] = {"id": [f"the id {shown} stands twice"]}
                seen.add(shown)
        if twice:
            raise ValidationError({"criteria": twice})


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
        criteria=tuple(Criterion(**criterion) for criterion in data["criteria"]),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        path=path,
    )


class Trials(msgspec.Struct, frozen=True):
    """A set of trials compiled together, in the order of their ids."""

    trials: tuple[Trial, ...]

    def __getitem__(self, identifier: str) -> Trial:
        for trial in self.trials:
            if trial.id == identifier:
                return trial
        raise KeyError(identifier)

    def chosen(self, identifiers: Iterable[str]) -> "Trials":
        """Only these; KeyError for one that is not there."""
        wanted = list(identifiers)
        return Trials(tuple(self[i] for i in dict.fromkeys(wanted))) if wanted else self


def trial_files(folder: Path) -> list[Path]:
    """The trial files below a folder: `trial.yaml` in it or in its sub-folders; a file is its own."""
    if folder.is_file():
        return [folder]
    own = folder / "trial.yaml"
    return [own] if own.is_file() else sorted(folder.glob("*/trial.yaml"))


def load_trials(lexicon: Lexicon, folders: Iterable[Path] = (), built_in: bool = True) -> Trials:
    """The built-in trials and those of further folders (or single files); one of the same id in a later one replaces
    an earlier one.

    Raises TrialError with every mistake of every file.
    """
    interned: dict[Any, Any] = {}
    found: dict[str, Trial] = {}
    problems: list[str] = []
    own = trial_files(Path(str(files("service.criteria") / "trials"))) if built_in else []
    for path in [*own, *(p for f in folders for p in trial_files(f))]:
        try:
            trial = compile_trial(path.read_text("utf-8"), str(path), lexicon, interned)
        except TrialError as mistake:
            problems += mistake.problems
            continue
        except (OSError, UnicodeDecodeError) as mistake:
            problems.append(f"{path}:1:1: cannot be read: {mistake}")
            continue
        found[trial.id] = trial
    if problems:
        raise TrialError("\n".join(problems), tuple(problems))
    return Trials(tuple(found[i] for i in sorted(found)))

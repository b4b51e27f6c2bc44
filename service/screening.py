"""screen(record, trials, on) -> result: the one answer that the hook, the API, the command line and the batch render.

An installation is put together here once: value sets, inputs, names, trials, the site's own upper limits.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, tzinfo
from decimal import Decimal
from pathlib import Path

import msgspec

from service.criteria.catalogue import Trials, load_trials
from service.criteria.early import decided_early
from service.criteria.evaluate import evaluate
from service.criteria.evaluation import Site
from service.criteria.facts import PatientRecord
from service.criteria.measured import shown_unit
from service.criteria.plan import Plan
from service.criteria.results import PatientResult
from service.criteria.spans import iso
from service.errors import SettingsError
from service.mappers import quantities, units
from service.mappers.assembly import read_record, with_more
from service.mappers.dates import Calendar
from service.mappers.documents import Document, read_document
from service.mappers.inputs import Inputs
from service.mappers.joining import joined
from service.mappers.lexicon import Vocabulary
from service.mappers.observation import Library
from service.mappers.record import Record
from service.mappers.sieve import Sieve
from service.mappers.terminology import Terminology
from service.settings import Settings


class Screening:
    """Everything needed to answer: which trials fit this record on this day."""

    def __init__(
        self,
        trial_folders: Iterable[Path] = (),
        value_set_folders: Iterable[Path] = (),
        zone: tzinfo = UTC,
        upper_limits: dict[str, dict[str, str]] | None = None,
        enabled: Iterable[str] = (),
        drafts: bool = False,
        on: date | None = None,
    ) -> None:
        """`enabled` and `drafts` say which trials answer where none is named; `on` is the day whose versions of the
        trials are taken, today where it is not told."""
        folders = list(value_set_folders)
        self.terminology = Terminology(folders)
        self.inputs = Inputs(self.terminology, folders)
        self.vocabulary = Vocabulary(self.terminology, self.inputs, folders)
        self.terminology.regimens = self.vocabulary.regimens
        self.terminology.unnamed = self.vocabulary.unnamed
        self.calendar = Calendar(zone)
        self.library = Library(self.terminology, self.inputs, self.calendar)
        day = on.isoformat() if on else iso(self.calendar.today())
        self.trials = load_trials(self.vocabulary, trial_folders, day=day)
        self.used = self.trials.in_use(enabled, drafts)
        self.plan = Plan(self.used)
        table = upper_limits or {}
        written = {name: f"{entry.get('high')} {shown_unit(str(entry.get('unit')))}" for name, entry in table.items()}
        self.site = Site(_site_limits(table, self.inputs), written)

    def read(self, data: bytes, name: str = "record", patient: str = "", base: str = "", strict: bool = True) -> Record:
        """The record of the one patient of a JSON document. RecordError where it is none."""
        return self.of_document(read_document(data, name, strict), patient, base)

    def of_document(self, document: Document, patient: str = "", base: str = "") -> Record:
        return read_record(document, self.library, patient, base)

    def and_more(
        self, record: Record, document: Document, added: Sequence[Document], patient: str = "", base: str = ""
    ) -> Record:
        """The record of a document with the resources of further documents. `record` is that of the document alone, of
        whose reading as much is shared as can be."""
        more = with_more(record, added) if not document.deleted else None
        return more or self.of_document(joined([document, *added], document.name), patient, base)

    def wanted(self, identifiers: Collection[str]) -> Trials:
        """The trials named, whatever their status; those in use where none is. KeyError for one that is not there."""
        return self.trials.chosen(identifiers) if identifiers else self.used

    def plan_for(self, trials: Trials) -> Plan:
        """The questions of some of the trials."""
        return self.plan if trials is self.used else Plan(trials)

    def sieve(self, plan: Plan | None = None) -> Sieve:
        """What tells the resources that no question of a plan asks for; where none is told, that no trial can."""
        return Sieve(self.library, None if plan is None else plan.bits["input"])

    def screen(self, record: PatientRecord, on: date | int, plan: Plan | None = None) -> PatientResult:
        """The result of one record as of one day, against all trials or those of a plan."""
        day = on if isinstance(on, int) else on.toordinal()
        return evaluate(record, plan or self.plan, day, self.vocabulary, self.site)

    def screen_early(self, record: PatientRecord, on: date | int, plan: Plan | None = None) -> PatientResult | None:
        """The result of one whom every trial excludes by what it asks first; None where more has to be asked. Of the
        record, Patient and Condition are enough."""
        return decided_early(record, plan or self.plan, on if isinstance(on, int) else on.toordinal())

    def today(self) -> int:
        return self.calendar.today()


def installed(settings: Settings, on: date | None = None, drafts: bool = False) -> Screening:
    """The installation that settings describe, with the trials' versions of a day (today where none is told), and with
    drafts also where the settings do not ask for them.

    TrialError or SettingsError where they do not fit together.
    """
    return Screening(
        settings.trials,
        settings.value_sets,
        settings.timezone,
        settings.uln,
        settings.enabled_trials,
        drafts or settings.drafts,
        on,
    )


def _site_limits(table: dict[str, dict[str, str]], inputs: Inputs) -> dict[str, Decimal]:
    """A site's upper limits of normal (`{"alt": {"high": "40", "unit": "U/L"}}`) in the inputs' own units."""
    limits = {}
    for name, entry in table.items():
        made = inputs.by_name.get(name)
        if made is None or not made.ranges:
            raise SettingsError(f"TRIALHOOK_ULN: {name} is no input with an upper limit of normal")
        try:
            high = Decimal(str(entry["high"]))
            limits[name] = high * units.factor(str(entry["unit"]), made.unit, made.molar_mass)
        except (KeyError, TypeError, ArithmeticError) as problem:
            raise SettingsError(f"TRIALHOOK_ULN: {name} needs a number `high` and a `unit`") from problem
        except units.UnitError as problem:
            raise SettingsError(f"TRIALHOOK_ULN: {name}: {problem}") from None
        if not high.is_finite() or high <= 0 or abs(high.adjusted()) > quantities.MAX_EXPONENT:
            raise SettingsError(f"TRIALHOOK_ULN: {name}: a number above zero was expected")
    return limits


encode = msgspec.json.Encoder(decimal_format="string").encode

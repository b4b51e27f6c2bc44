"""The facts of a registry record in the words of a trial file: recruitment, phases, arms, sites, dates."""

from typing import Any

from service.authoring.digests import fields_of
from service.authoring.registry import Record
from service.criteria.trial_schema import PHASES, RECRUITMENTS

DATES = "Registry dates: "
MAX_SITES = 100  # the international ones have several hundred, and every reader of the trial carries them along
_SHORT = 60  # characters of a title that may stand for a name
_PHASES = {
    "EARLY_PHASE1": "early-phase-1",
    "PHASE1": "phase-1",
    "PHASE2": "phase-2",
    "PHASE3": "phase-3",
    "PHASE4": "phase-4",
}
_ARMS = {
    "EXPERIMENTAL": "experimental",
    "ACTIVE_COMPARATOR": "active-comparator",
    "PLACEBO_COMPARATOR": "placebo-comparator",
    "NO_INTERVENTION": "no-intervention",
}


def recruitment_of(status: str) -> str:
    """The registry's status as the trial file says it; an expanded-access or unknown one is unknown."""
    word = status.strip().lower().replace("_", "-")
    return word if word in RECRUITMENTS else "unknown"


def phases_of(record: Record) -> list[str]:
    """The phases; a study without any, such as an observational one, has none that applies."""
    found = [_PHASES[phase] for phase in record.phases if phase in _PHASES]
    return sorted(set(found), key=PHASES.index) or ["not-applicable"]


def version_of(record: Record) -> str:
    """The date of the record's version: its last update, else its last verification."""
    dates = record.dates
    return dates.get("last update posted") or dates.get("last update submitted") or dates.get("verified") or "not told"


def frame_of(record: Record) -> dict[str, Any]:
    """Everything of a trial file but its criteria and its notes, in the file's order."""
    title = record.official_title or record.brief_title or record.id
    frame: dict[str, Any] = {
        "id": record.id,
        "short-name": record.acronym or (record.brief_title if 0 < len(record.brief_title) <= _SHORT else record.id),
        "title": title,
        "version": version_of(record),
        "status": "draft",
        "phases": phases_of(record),
        "recruitment": recruitment_of(record.status),
        "recruitment-date": record.dates.get("verified", ""),
        "recruitment-note": _recruitment_note(record),
        "sponsor": record.sponsor or "not told",
        "registry-url": f"https://clinicaltrials.gov/study/{record.id}",
        "source": f"ClinicalTrials.gov record {record.id}, version of {version_of(record)}, imported",
        "enrolled": record.enrolled,
        "arms": [_arm(arm.name, arm.type, arm.description) for arm in record.arms],
        "sites": [_site(place.name, place.city, place.state, place.country) for place in record.sites[:MAX_SITES]],
    }
    return {key: value for key, value in frame.items() if value}


def _recruitment_note(record: Record) -> str:
    known = recruitment_of(record.status)
    said = "" if known != "unknown" or record.status in ("", "UNKNOWN") else f"The registry says {record.status}."
    return " ".join(part for part in (said, record.why_stopped) if part)


def _arm(name: str, kind: str, description: str) -> dict[str, str]:
    return {"name": name, "type": _ARMS.get(kind, "other"), "description": description or name}


def _site(name: str, city: str, state: str, country: str) -> dict[str, str]:
    site = {"name": name or city or country, "city": city, "state": state, "country": country}
    return {key: value for key, value in site.items() if value}


def noted_dates(notes: tuple[str, ...]) -> dict[str, str]:
    """The dates that the notes of a trial file tell, by their label; none where the file was not imported."""
    told = next((note for note in notes if note.startswith(DATES)), "")
    parts = [part.strip().rpartition(" ") for part in told.removeprefix(DATES).rstrip(".").split(";")]
    return {label: date for label, _, date in parts if label}


def notes_of(record: Record) -> list[str]:
    """Facts that a trial file has no place for, as its notes."""
    fields = "; ".join(f"{name} {value}" for name, value in fields_of(record).items())
    dates = "; ".join(f"{label} {date}" for label, date in record.dates.items())
    notes = [f"Registry fields: {fields or 'none'}.", f"{DATES}{dates or 'none'}."]
    if record.official_title and record.brief_title and record.official_title != record.brief_title:
        notes.append(f"Brief title: {record.brief_title}")
    if record.gender_note:
        notes.append(f"Sex or gender, in the registry's words: {record.gender_note}")
    if len(record.sites) > MAX_SITES:
        notes.append(f"Sites: the first {MAX_SITES} of {len(record.sites)} that the registry lists.")
    return notes

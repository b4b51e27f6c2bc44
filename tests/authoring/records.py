"""Small registry records in the shapes of the real ones, written for the tests."""

import json
from typing import Any

from service.authoring.drafting import Drafted, draft
from service.authoring.registry import Record, read_record
from service.authoring.soundness import sound
from service.screening import Screening

TRIAL = "NCT00000001"


def document(criteria: str, **options: Any) -> dict[str, Any]:
    """A record with an eligibility text; `minimum`, `maximum`, `sex`, `arms` (labels), `sites` (a number), `status`."""
    eligibility = {
        "eligibilityCriteria": criteria,
        "sex": options.get("sex", "ALL"),
        "healthyVolunteers": options.get("healthy", False),
        "minimumAge": options.get("minimum", "18 Years"),
        "maximumAge": options.get("maximum"),
    }
    section = {
        "identificationModule": {
            "nctId": options.get("id", TRIAL),
            "acronym": "DEMO",
            "briefTitle": "A study made up for tests",
        },
        "statusModule": {
            "overallStatus": options.get("status", "RECRUITING"),
            "statusVerifiedDate": "2026-01",
            "startDateStruct": {"date": options.get("start", "2025-03")},
            "lastUpdatePostDateStruct": {"date": options.get("version", "2026-01-05")},
        },
        "sponsorCollaboratorsModule": {"leadSponsor": {"name": "A sponsor"}},
        "designModule": {"phases": ["PHASE2"], "enrollmentInfo": {"count": 40, "type": "ESTIMATED"}},
        "armsInterventionsModule": {"armGroups": [{"label": arm} for arm in options.get("arms", ())]},
        "contactsLocationsModule": {
            "locations": [{"facility": f"Site {n}", "city": "Town"} for n in range(options.get("sites", 1))]
        },
        "eligibilityModule": {key: value for key, value in eligibility.items() if value is not None},
    }
    return {"protocolSection": section}


def encoded(criteria: str, **options: Any) -> bytes:
    return json.dumps(document(criteria, **options)).encode()


def record(criteria: str, **options: Any) -> Record:
    return read_record(encoded(criteria, **options), "record.json")


def listed(inclusion: list[str], exclusion: list[str] | None = None) -> str:
    """A text with both lists, a star before each item."""
    lines = ["Inclusion Criteria:", "", *(f"* {text}" for text in inclusion)]
    return "\n".join(
        [*lines, "", "Exclusion Criteria:", "", *(f"* {text}" for text in exclusion or ["None of the above"])]
    )


def drafted(screening: Screening, criteria: str, **options: Any) -> Drafted:
    return sound(draft(record(criteria, **options), screening.vocabulary), screening)


def rules(made: Drafted) -> dict[str, Any]:
    """The computable drafts by the id of their criterion."""
    return {c["id"]: c["rule"] for c in made.criteria if "draft" in c}

"""The cancer: breast cancer at all, metastatic or not, and since when."""

from dataclasses import dataclass
from functools import lru_cache

from .answers import ABSENT, CONFLICT, FAIL, MISSING, PASS, REVIEW, UNUSABLE, Answer, unknown
from .diagnoses import SNOMED, Codes, Diagnosis, ever, now, refuted
from .record import Record
from .results import Result, coded, results
from .spans import Span, span, until

_INVASIVE = Codes(
    icd=("C50",),
    snomed=frozenset(
        [
            "254837009",
            "372137005",
            "372064008",
            "254838004",
            "372096000",
            "408643008",
            "278054005",
            "427685000",
            "417181009",
            "431396003",
        ]
    ),
)
METASTATIC_BREAST = Codes(snomed=frozenset(("315004001", "459391000124109")))
_HISTORY = Codes(icd=("Z853",), snomed=frozenset(("429087003",)))
_GENERAL = Codes(snomed=frozenset(("363346000",)))
_BREAST_SITES = frozenset(("76752008", "80248007", "73056007"))

LIVER = Codes(icd=("C787",), snomed=frozenset(("94381002",)))
BRAIN = Codes(icd=("C7931",), snomed=frozenset(("94225005", "188462001")))
OTHER_CNS = Codes(icd=("C7940", "C7949"), snomed=frozenset(("94243009", "94600009")))
LEPTOMENINGEAL = Codes(snomed=frozenset(("1155991005", "230156002")))
MENINGEAL_ICD = Codes(icd=("C7932",))
MENINGEAL = Codes(icd=("C7932",), snomed=frozenset(("94246001", "722671009")))
_ELSEWHERE = Codes(
    icd=("C78", "C79", "C772", "C774", "C775"),
    except_icd=("C7981",),
    snomed=frozenset(("94222008", "94391008", "94493005", "94579000", "128462008")),
)
_DISTANT = Codes(
    icd=_ELSEWHERE.icd,
    except_icd=_ELSEWHERE.except_icd,
    snomed=frozenset().union(*(c.snomed for c in (_ELSEWHERE, LIVER, BRAIN, OTHER_CNS, LEPTOMENINGEAL, MENINGEAL))),
)
_UNCLEAR = Codes(icd=("C770", "C771", "C778", "C779"), snomed=frozenset(("94392001", "94614009", "94253005")))
_ANY_METASTASIS = Codes(snomed=frozenset(("128462008",)))
_LIVER_SITE, _BRAIN_SITE, _NO_SITE = "10200004", "12738006", "260413007"

_OTHER_ICD = ("C18", "C34", "C43", "C53", "C54", "C56", "C61", "C73", "C82", "C4499")
OTHER_PRIMARY = Codes(icd=_OTHER_ICD, snomed=frozenset(("372244006", "93761005", "254637007")))

_STAGE_CODES = frozenset(("21908-9", "21902-2", "21914-7", "399390009", "399537006", "399588009"))
_M_CODES = frozenset(("21907-1", "21901-4", "21913-9"))
_SITE_CODES = frozenset(("44667-4",))
_AJCC = "http://cancerstaging.org"
_STAGES = {
    **dict.fromkeys(("258228008", "1222837003", "4", "IV"), 4),
    **dict.fromkeys(("258224005", "3", "IIIA", "3A"), 3),
    **dict.fromkeys(("258219007", "2", "IIA"), 2),
    **dict.fromkeys(("258215001", "1"), 1),
}
_M1 = frozenset(("55440008", "14926007", "1229903009", "1229916009"))
_M0 = frozenset(("30893008", "1229901006"))


@dataclass(frozen=True)
class Evidence:
    """One sign of metastasis with its date; `names_breast` where it cannot belong to another cancer."""

    when: Span | None
    doubt: str | None = None
    names_breast: bool = False


def breast_cancer(record: Record) -> Answer:
    """An invasive breast carcinoma of any clinical status; without one, nobody is a candidate."""
    found = [d.shown() for d in ever(record, _INVASIVE | METASTATIC_BREAST)]
    found += [_general(d) for d in ever(record, _GENERAL) if _general(d)]
    found += [d.shown() if _has_sign(record) else MISSING for d in ever(record, _HISTORY)]
    if PASS in found:
        return PASS
    if found:
        return found[0]
    if not record.complete("Condition"):
        return MISSING
    return FAIL if refuted(record, _INVASIVE | METASTATIC_BREAST) else ABSENT


def metastatic(record: Record) -> Answer:
    """Breast cancer that has spread to a distant site; only a lower stage or M0 says that it has not."""
    cancer = breast_cancer(record)
    if cancer.outcome == "fail":
        return cancer
    spread = _spread(record)
    # Where the cancer itself is not certain, no spread is a fail all the same.
    return spread if cancer == PASS or spread.outcome == "fail" else cancer


def _spread(record: Record) -> Answer:
    found = signs(record)
    sure = [sign for sign in found if sign.doubt is None]
    if sure:
        # Another primary that is only possible leaves it as open whose metastasis it is.
        ours = any(sign.names_breast for sign in sure) or not now(record, OTHER_PRIMARY)
        return PASS if ours else CONFLICT
    if found:
        return unknown(found[0].doubt or "missing")
    if ever(record, _UNCLEAR):
        # Nodes of no told site, nodes near the breast, the chest wall: a code that does not tell.
        return UNUSABLE
    if recurrent(record) or not _staged_lower(record):
        return MISSING
    return FAIL if record.complete("Condition", "Observation") else MISSING


def metastatic_or_irresectable(record: Record) -> Answer:
    """PATINA also takes what cannot be resected: stage III is a question, unless a recurrence stands beside it."""
    answer = metastatic(record)
    if answer == FAIL and 3 in _stages(record):
        return REVIEW if breast_cancer(record) == PASS else breast_cancer(record)
    return answer


def metastatic_or_recurrent(record: Record) -> Answer:
    answer = metastatic(record)
    if breast_cancer(record) == PASS and answer != PASS and recurrent(record):
        return PASS
    return answer


@lru_cache(maxsize=1)
def metastatic_since(record: Record) -> Span | None:
    """The earliest date of the evidence; None where nothing tells a date or nothing is established."""
    if metastatic(record).outcome != "pass":
        return None
    dates = [sign.when for sign in signs(record) if sign.doubt is None and sign.when is not None]
    return Span(min(d.first for d in dates), min(d.last for d in dates)) if dates else None


def signs(record: Record) -> list[Evidence]:
    return _by_condition(record) + _by_own_stage(record) + _by_observation(record)


def recurrent(record: Record) -> bool:
    """A recurrence or relapse of the breast cancer."""
    return any(d.status in ("recurrence", "relapse") and not d.doubt for d in ever(record, _INVASIVE))


def at_site(record: Record, codes: Codes, site: str) -> list[Diagnosis]:
    """Metastases of one organ, by the code or by the body site of a metastasis without one."""
    by_body = [d for d in ever(record, _ANY_METASTASIS) if site in _sites(d.resource)]
    return ever(record, codes) + by_body


def liver_metastases(record: Record) -> list[Diagnosis]:
    return at_site(record, LIVER, _LIVER_SITE)


def brain_metastases(record: Record) -> list[Diagnosis]:
    return at_site(record, BRAIN, _BRAIN_SITE)


def observed_at(record: Record, site: str) -> bool:
    """Many records tell a metastasis only as an Observation."""
    return any(site in _answer(result) for result in _results(record, _SITE_CODES))


def liver_observed(record: Record) -> bool:
    return observed_at(record, _LIVER_SITE)


def brain_observed(record: Record) -> bool:
    return observed_at(record, _BRAIN_SITE)


def _general(diagnosis: Diagnosis) -> Answer | None:
    """A general malignancy code counts by its body site; a text that names the breast is not enough."""
    if _sites(diagnosis.resource) & _BREAST_SITES:
        return diagnosis.shown()
    text = diagnosis.resource.get("code", {}).get("text", "").lower()
    return UNUSABLE if "breast" in text else None


def _has_sign(record: Record) -> bool:
    return any(sign.doubt is None for sign in signs(record))


def _by_condition(record: Record) -> list[Evidence]:
    breast = [Evidence(d.when, d.doubt, True) for d in ever(record, METASTATIC_BREAST)]
    return breast + [Evidence(d.when, d.doubt) for d in ever(record, _DISTANT)]


def _by_own_stage(record: Record) -> list[Evidence]:
    """A stage inside the Condition has the date of its assessment, else none."""
    return [
        Evidence(_assessed(record, diagnosis, stage), diagnosis.doubt, True)
        for diagnosis in ever(record, _INVASIVE)
        for stage in diagnosis.resource.get("stage", [])
        if _stage_of(stage.get("summary")) == 4
    ]


def _assessed(record: Record, diagnosis: Diagnosis, stage: dict) -> Span | None:
    for assessment in stage.get("assessment", []):
        target = record.resolve(assessment.get("reference"), diagnosis.resource)
        if target and "effectiveDateTime" in target:
            return until(span(target["effectiveDateTime"]), record.as_of)
    return None


def _by_observation(record: Record) -> list[Evidence]:
    found = []
    for result in _results(record, _STAGE_CODES | _M_CODES):
        if _of_another_cancer(record, result):
            continue
        if _stage_of(result.body.get("valueCodeableConcept")) == 4 or _answer(result) & _M1:
            found.append(Evidence(result.when, None, "focus" in result.parent))
    # The code asks for the site of a distant metastasis in a breast tumor: its answer names the breast.
    sites = [result for result in _results(record, _SITE_CODES) if _answer(result) and _NO_SITE not in _answer(result)]
    return found + [Evidence(result.when, None, True) for result in sites]


def _staged_lower(record: Record) -> bool:
    """Stage 0 to III or M0, of this cancer."""
    m0 = [r for r in _results(record, _M_CODES) if _answer(r) & _M0 and not _of_another_cancer(record, r)]
    return bool(m0) or bool(_stages(record) & {0, 1, 2, 3})


def _stages(record: Record) -> set[int]:
    observed = [r for r in _results(record, _STAGE_CODES) if not _of_another_cancer(record, r)]
    stages = [_stage_of(r.body.get("valueCodeableConcept")) for r in observed]
    for diagnosis in ever(record, _INVASIVE):
        stages += [_stage_of(stage.get("summary")) for stage in diagnosis.resource.get("stage", [])]
    return {stage for stage in stages if stage is not None}


def _stage_of(concept: dict | None) -> int | None:
    codes = coded(concept, SNOMED) | coded(concept, _AJCC)
    return next((_STAGES[code] for code in sorted(codes) if code in _STAGES), None)


def _results(record: Record, codes: frozenset[str]) -> list[Result]:
    return results(record, codes, lambda body: "valueCodeableConcept" in body)


def _answer(result: Result) -> set[str]:
    return coded(result.body.get("valueCodeableConcept"), SNOMED)


def _of_another_cancer(record: Record, result: Result) -> bool:
    """A stage whose focus is another cancer is not used."""
    focus = [record.resolve(f.get("reference"), result.parent) for f in result.parent.get("focus", [])]
    ours = [d.resource["id"] for d in ever(record, _INVASIVE | METASTATIC_BREAST)]
    return any(target is None or target.get("id") not in ours for target in focus)


def _sites(resource: dict) -> set[str]:
    return {code for site in resource.get("bodySite", []) for code in coded(site, SNOMED)}

"""The rules of the criteria that several trials or one of them ask for, beyond laboratory values and receptors."""

from collections.abc import Callable

from . import courses
from . import drug_names as drugs
from .answers import CONFLICT, FAIL, MISSING, PASS, REVIEW, SILENT, STALE, UNUSABLE, Answer, unknown, worst
from .cancer import (
    LEPTOMENINGEAL,
    MENINGEAL,
    MENINGEAL_ICD,
    OTHER_CNS,
    OTHER_PRIMARY,
    brain_metastases,
    brain_observed,
    metastatic_since,
)
from .courses import Course
from .diagnoses import SNOMED, Codes, Diagnosis, ever, now, text_of
from .procedures import Done, done
from .record import Record
from .results import Result, coded, newest, results
from .spans import Span, compare, months_before, since, within

Rule = Callable[[Record], Answer]

_RADIOTHERAPY = frozenset(
    ["108290001", "33195004", "53438000", "1156506007", "10611004", "45643008", "152198000", "385798007"]
)
_WASHOUT_DAYS = 14
_OVERLAP_DAYS = 28
_INFARCTION = Codes(icd=("I21", "I22"), snomed=frozenset(("22298006", "57054005", "401303003", "401314000")))
_UNSTABLE_ANGINA = Codes(icd=("I200",), snomed=frozenset(("4557003", "64333001")))
_STROKE = Codes(icd=("I60", "I61", "I63"), snomed=frozenset(("230690007", "422504002", "432504007")))
_HEART_FAILURE = Codes(icd=("I50",), snomed=frozenset(("84114007", "42343007")))
_RHYTHM = Codes(
    icd=("I442", "I4581", "I472", "I4901", "I48"),
    snomed=frozenset(("44103008", "25569003", "71908006", "49436004", "9651007")),
)
_NYHA_SCALE = frozenset(("420816009",))
_NYHA = {"420300004": 1, "421704003": 2, "420913000": 3, "422293003": 4}
_NYHA_DAYS = 180

_SEVERE_INFECTION = Codes(
    icd=("A15", "A40", "A41", "J13", "J14", "J15", "J18", "B20", "B16", "B180", "B181", "B171", "B182"),
    snomed=frozenset(["91302008", "427099000", "233604007", "86406008", "66071002", "50711007", "128302006"]),
)
_INFECTION = Codes(snomed=frozenset(("40733004",)))
_CIRRHOSIS = Codes(
    icd=("K703", "K717", "K743", "K744", "K745", "K746", "K713", "K714", "K715", "K730", "K731", "K732"),
    snomed=frozenset(("19943007", "420054005", "197284004")),
)
_OTHER_LIVER = Codes(icd=("K740", "B18", "K738", "K739", "K754"), snomed=frozenset(("76783007", "408335007")))
_ABSORPTION = Codes(
    icd=("K90", "K25", "K26", "K27", "K50", "K51", "R11", "R197"),
    snomed=frozenset(
        ["32230006", "34000006", "64766004", "396331005", "13200003", "422587007", "422400008", "62315008"]
    ),
)
_BOWEL_RESECTION = frozenset(("54357003", "90856004"))
_BLEEDING = Codes(
    icd=("D65", "D66", "D67", "D680", "D681", "D682", "D683", "D684"),
    snomed=frozenset(("67406007", "128105004", "90935002")),
)
_MAY_BLEED = Codes(icd=("D688", "D689", "D690", "D691", "D692", "D693", "D694", "D698", "D699"))
_DEPENDENCE = Codes(
    icd=("F102", "F112", "F122", "F132", "F142", "F152", "F162", "F182", "F192"),
    snomed=frozenset(["7200002", "66590003", "191816009", "2403008", "75544000", "31956009"]),
)
_OPIOID_DEPENDENCE = Codes(icd=("F112",), snomed=frozenset(("75544000",)))
_IN_REMISSION = ("F1021", "F1121", "F1421")
_ABUSE = Codes(icd=("F101", "F111", "F121", "F141"), snomed=frozenset(("15167005", "66214007")))
_CERVIX = Codes(icd=("C53",))
_SKIN_NO_TYPE = Codes(icd=("C4490",))


def manual(record: Record) -> Answer:
    """Only a person can judge."""
    return REVIEW


def adult(record: Record) -> Answer:
    return {True: PASS, False: FAIL, None: MISSING}[record.at_least(18)]


def female(record: Record) -> Answer:
    return {"female": PASS, "male": FAIL}.get(record.patient.get("gender", ""), MISSING)


def taken(names: frozenset[str]) -> Rule:
    """A drug that must have been taken: silence is not enough."""

    def rule(record: Record) -> Answer:
        found = courses.of(record, names)
        if not found:
            silence = courses.silence(record)
            return MISSING if silence == SILENT else silence
        return next((PASS for c in found if c.doubt is None), unknown(found[0].doubt))

    return rule


def never_taken(names: frozenset[str]) -> Rule:
    def rule(record: Record) -> Answer:
        found = [FAIL if c.doubt is None else unknown(c.doubt) for c in courses.of(record, names)]
        return worst(found) if found else courses.silence(record)

    return rule


def prior_pertuzumab(record: Record) -> Answer:
    """Taken: pass; an intolerance recorded: the investigator decides; neither: unknown."""
    answer = taken(frozenset(("pertuzumab",)))(record)
    if answer == PASS:
        return PASS
    return REVIEW if _intolerant(record, "pertuzumab") else answer


def no_prior_metastatic_therapy(record: Record) -> Answer:
    """Systemic therapy started since the metastasis fails; before and going on is unknown; rays are a question."""
    start = metastatic_since(record)
    answers = [_before_metastasis(record, c, start, how) for c, how in courses.anticancer(record)]
    answers += [_rays_since(d, start) for d in done(record, _RADIOTHERAPY)]
    return worst([*answers, courses.silence(record, "Procedure")])


def adjuvant_her2_washout(record: Record) -> Answer:
    """The last dose of trastuzumab or pertuzumab begun before the metastasis: more than 6 months ago."""
    metastasis = metastatic_since(record)
    found = courses.of(record, frozenset(("trastuzumab", "pertuzumab")))
    if found and metastasis is None:
        return MISSING
    answers = [_doubted(c, _six_months(record, c, metastasis)) for c in found]
    return worst([*answers, courses.silence(record)])


def recent_anticancer_therapy(record: Record) -> Answer:
    answers = [_washed_out(record, c, how) for c, how in courses.anticancer(record)]
    answers += [_rays_washed_out(record, d) for d in done(record, _RADIOTHERAPY)]
    return worst([*answers, courses.silence(record, "Procedure")])


def recent_chemo_radiotherapy(record: Record) -> Answer:
    """For a washout an antibody-drug conjugate is chemotherapy."""
    chemo = drugs.CHEMOTHERAPY | drugs.CONJUGATES
    answers = [_washed_out(record, c, how) for c, how in courses.anticancer(record) if c.takes(chemo)]
    answers += [_rays_washed_out(record, d) for d in done(record, _RADIOTHERAPY)]
    return worst([*answers, courses.silence(record, "Procedure")])


def induction(record: Record) -> Answer:
    """A chemotherapy drug and a HER2 antibody given on or after the metastasis; anything missing is unknown."""
    start = metastatic_since(record)
    if start is None:
        return MISSING
    return (
        PASS
        if _given_since(record, drugs.CHEMOTHERAPY, start) and _given_since(record, drugs.ANTIBODIES, start)
        else MISSING
    )


def no_progression(record: Record) -> Answer:
    """The newest disease status after the induction's first day; progression earlier and not now is a conflict."""
    first = _induction_start(record)
    if first is None:
        return MISSING
    found = [r for r in _disease_status(record) if r.when is not None and r.when.first > first]
    said = [_status_of(result) for result in newest(found)]
    if not said or "undetermined" in said:
        return MISSING
    if "worse" in said:
        return FAIL if set(said) == {"worse"} else CONFLICT
    return CONFLICT if any(_status_of(result) == "worse" for result in found) else PASS


def concurrent_therapy(record: Record) -> Answer:
    """An endocrine drug, a GnRH agonist or another antineoplastic active now: what would have to stop."""
    answers = [_stopping(c, courses.active(record, c), how) for c, how in courses.anticancer(record)]
    answers += [_stopping(c, courses.depot_active(record, c), "yes") for c in courses.of(record, drugs.GNRH)]
    if REVIEW in answers:
        return REVIEW
    return worst([*answers, courses.silence(record)])


def cyp3a4(record: Record) -> Answer:
    """A listed inducer, inhibitor or substrate active fails; another strong one is a question."""
    answers = []
    for names, sure in ((drugs.CYP3A4_LISTED, FAIL), (drugs.CYP3A4_OTHER_STRONG, REVIEW)):
        for course in courses.of(record, names):
            acts = False if course.topical else courses.active(record, course)
            answers.append(_doubted(course, {True: sure, None: MISSING, False: PASS}[acts]))
    return worst([*answers, courses.silence(record)])


def allergy(direct: frozenset[str], relatives: frozenset[str]) -> Rule:
    """An allergy to a study drug fails; to a relative, or an intolerance, is a question."""

    def rule(record: Record) -> Answer:
        answers = [a for entry in _allergies(record) if (a := _allergy_answer(entry, direct, relatives))]
        return worst([*answers, _silence(record, "AllergyIntolerance")])

    return rule


def brain(record: Record) -> Answer:
    """No brain metastasis ever; any is a question."""
    answers = [d.answer(REVIEW) for d in brain_metastases(record)]
    answers += [REVIEW] if brain_observed(record) else []
    return worst(_questions([*answers, _silence_on_metastases(record)]))


def leptomeningeal(record: Record) -> Answer:
    """Leptomeningeal disease fails; a code that may mean the dura is a question."""
    return worst(
        [
            *_questions([d.answer(REVIEW) for d in _meningeal(record)]),
            *_leptomeningeal(record),
            _silence_on_metastases(record),
        ]
    )


def cns(record: Record) -> Answer:
    """Leptomeningeal disease fails; the brain, the cord, an unclear code are questions."""
    other = brain_metastases(record) + ever(record, OTHER_CNS) + _meningeal(record)
    answers = [d.answer(REVIEW) for d in other]
    answers += [REVIEW] if brain_observed(record) else []
    return worst([*_questions(answers), *_leptomeningeal(record), _silence_on_metastases(record)])


def other_malignancy(record: Record) -> Answer:
    """Another primary with onset within 3 years fails; earlier and still there, or undated, is unknown."""
    answers = [d.answer(_malignancy(record, d)) for d in ever(record, OTHER_PRIMARY)]
    answers += [d.answer(UNUSABLE) for d in ever(record, _SKIN_NO_TYPE)]
    return worst([*answers, _silence(record, "Condition")])


def heart_failure(record: Record) -> Answer:
    """NYHA III or IV fails; heart failure without a class is unknown."""
    return worst(_failing_heart(record, {1: PASS, 2: PASS, 3: FAIL, 4: FAIL}))


def cardiac_event(record: Record) -> Answer:
    """Infarction or unstable angina within 6 months fails; class II, no class, a serious rhythm are unknown."""
    events = _events(record, _INFARCTION | _UNSTABLE_ANGINA, 6)
    rhythm = [d.answer(MISSING) for d in now(record, _RHYTHM)]
    # The trial's row names class II and no class; III and IV stand in another row, and are no better than II here.
    return worst([*events, *rhythm, *_failing_heart(record, {1: PASS, 2: MISSING, 3: MISSING, 4: MISSING})])


def cardiac_event_yale(record: Record) -> Answer:
    """Stroke too, 3 months; and NYHA III or IV fails, II or no class is unknown, I passes."""
    events = _events(record, _INFARCTION | _UNSTABLE_ANGINA | _STROKE, 3)
    return worst([*events, *_failing_heart(record, {1: PASS, 2: MISSING, 3: FAIL, 4: FAIL})])


def active_infection(record: Record) -> Answer:
    """A severe kind active, or any begun within 28 days and not resolved, is unknown."""
    severe = [d.answer(MISSING) for d in now(record, _SEVERE_INFECTION)]
    recent = [
        d.answer(MISSING if d.when is None or within(d.when, record.as_of, 28) is not False else PASS)
        for d in now(record, _INFECTION)
    ]
    return _found_or_silent(record, severe + recent)


def liver_disease(record: Record) -> Answer:
    sure = [d.answer(FAIL) for d in now(record, _CIRRHOSIS)]
    return _found_or_silent(record, sure + [d.answer(MISSING) for d in now(record, _OTHER_LIVER)])


def gi_absorption(record: Record) -> Answer:
    found = [d.answer(MISSING) for d in now(record, _ABSORPTION)]
    found += [MISSING for _ in done(record, _BOWEL_RESECTION)]
    return _found_or_silent(record, found, "Procedure")


def bleeding(record: Record) -> Answer:
    sure = [d.answer(FAIL) for d in now(record, _BLEEDING)]
    return _found_or_silent(record, sure + [d.answer(MISSING) for d in now(record, _MAY_BLEED)])


def substance_use(record: Record) -> Answer:
    """Dependence not in remission fails; opioid dependence with an opioid prescribed, and abuse, are unknown."""
    # Unread drugs may hold the opioid.
    opioid = bool(courses.of(record, frozenset(("fentanyl",)))) or courses.silence(record) != SILENT
    dependent = [d for d in now(record, _DEPENDENCE) if not _codes_start(d, _IN_REMISSION)]
    answers = [d.answer(MISSING if opioid and _is(d, _OPIOID_DEPENDENCE) else FAIL) for d in dependent]
    answers += [d.answer(MISSING) for d in now(record, _ABUSE)]
    return _found_or_silent(record, answers)


def _doubted(course: Course, answer: Answer, how: str = "yes") -> Answer:
    """A course that may not have been one makes unknown where it would not pass."""
    if answer.outcome == "pass":
        return answer
    if course.doubt is not None:
        return unknown(course.doubt)
    return MISSING if how == "perhaps" else answer


def _before_metastasis(record: Record, course: Course, metastasis: Span | None, how: str) -> Answer:
    if metastasis is None or course.began is None:
        return MISSING
    order = compare(course.began, metastasis)
    if order == 1:
        return _doubted(course, FAIL, how)
    if order is None:
        return _doubted(course, MISSING, how)
    last = record.as_of if course.end is None else min(course.end.last, record.as_of)
    still = last >= metastasis.first + _OVERLAP_DAYS
    return _doubted(course, MISSING if still else PASS, how)


def _rays_since(treatment: Done, metastasis: Span | None) -> Answer:
    """Radiotherapy since the metastasis: the trial's two sentences differ, so a person decides."""
    if metastasis is None or treatment.end is None:
        return MISSING
    order = compare(treatment.end, metastasis)
    if order == -1:
        return PASS
    return REVIEW if order == 1 and treatment.doubt is None else MISSING


def _six_months(record: Record, course: Course, metastasis: Span) -> Answer:
    if course.start is not None and compare(course.start, metastasis) == 1:
        return PASS
    ended = _ended_before(record, course, months_before(record.as_of, 6))
    if ended:
        return PASS
    before = course.start is not None and compare(course.start, metastasis) == -1
    return FAIL if ended is False and before else MISSING


def _ended_before(record: Record, course: Course, day: int) -> bool | None:
    if course.end is None:
        return None if course.status in ("on-hold",) or course.start is None else False
    later = since(course.end, day)
    return None if later is None else not later


def _washed_out(record: Record, course: Course, how: str) -> Answer:
    """Not active, a depot as long as its form lasts, and not ended within 14 days."""
    runs = courses.depot_active(record, course) if course.takes(drugs.GNRH) else courses.active(record, course)
    ended = courses.ended_within(record, course, _WASHOUT_DAYS)
    if runs or ended:
        return _doubted(course, FAIL, how)
    unsettled = runs is None or (ended is None and course.end is not None) or _without_date(course)
    return _doubted(course, MISSING if unsettled else PASS, how)


def _without_date(course: Course) -> bool:
    return course.start is None and course.end is None


def _rays_washed_out(record: Record, treatment: Done) -> Answer:
    recent = within(treatment.end, record.as_of, _WASHOUT_DAYS) if treatment.end else None
    if recent is False:
        return PASS
    return FAIL if recent and treatment.doubt is None else MISSING


def _given_since(record: Record, names: frozenset[str], metastasis: Span) -> bool:
    return any(
        course.doubt is None and how == "yes" and course.takes(names) and _reaches(course, metastasis)
        for course, how in courses.anticancer(record)
    )


def _reaches(course: Course, metastasis: Span) -> bool:
    """Surely given on or after the metastasis: started since, or still given then."""
    if course.start is not None and compare(course.start, metastasis) == 1:
        return True
    if course.end is None:
        return course.status == "active" or course.start is not None
    return course.start is not None and course.end.first >= metastasis.last


def _induction_start(record: Record) -> int | None:
    """The first day on which an induction drug was given since the metastasis."""
    metastasis = metastatic_since(record)
    if metastasis is None or induction(record) != PASS:
        return None
    return min(
        max(course.start.first if course.start else metastasis.first, metastasis.first)
        for course, how in courses.anticancer(record)
        if course.doubt is None and course.takes(drugs.CHEMOTHERAPY | drugs.ANTIBODIES) and _reaches(course, metastasis)
    )


def _disease_status(record: Record) -> list[Result]:
    return results(record, frozenset(("97509-4",)), lambda body: "valueCodeableConcept" in body)


def _status_of(result: Result) -> str:
    said = coded(result.body["valueCodeableConcept"], SNOMED)
    if "271299001" in said:
        return "worse"
    return "good" if said & {"268910001", "359746009", "260415000"} else "undetermined"


def _stopping(course: Course, acts: bool | None, how: str) -> Answer:
    return _doubted(course, {True: REVIEW, None: MISSING, False: PASS}[acts], how)


def _questions(answers: list[Answer]) -> list[Answer]:
    """A sure finding asks a person, whatever else is only possible: that would ask no more."""
    return [REVIEW] if REVIEW in answers else answers


def _meningeal(record: Record) -> list[Diagnosis]:
    return [d for d in ever(record, MENINGEAL) if not _said_leptomeningeal(d)]


def _leptomeningeal(record: Record) -> list[Answer]:
    said = [d for d in ever(record, MENINGEAL_ICD) if _said_leptomeningeal(d)]
    return [d.answer(FAIL) for d in ever(record, LEPTOMENINGEAL) + said]


def _said_leptomeningeal(diagnosis: Diagnosis) -> bool:
    text = text_of(diagnosis.resource)
    return _is(diagnosis, MENINGEAL_ICD) and ("leptomeningeal" in text or "carcinomatous meningitis" in text)


def _malignancy(record: Record, diagnosis: Diagnosis) -> Answer:
    over = diagnosis.status in ("remission", "resolved", "inactive")
    if _is(diagnosis, _CERVIX):
        return PASS if over else MISSING
    recent = None if diagnosis.when is None else since(diagnosis.when, months_before(record.as_of, 36))
    if recent:
        return FAIL
    return PASS if recent is False and over else MISSING


def _nyha(record: Record) -> tuple[set[int], set[int]]:
    """The classes told within 180 days, and those of an older newest answer."""
    said = newest(results(record, _NYHA_SCALE, lambda body: "valueCodeableConcept" in body))
    fresh = {c for r in said if r.when and within(r.when, record.as_of, _NYHA_DAYS) for c in _class(r)}
    conditions = [d for code in _NYHA for d in now(record, Codes(snomed=frozenset((code,)))) if d.doubt is None]
    fresh |= {_NYHA[c] for d in conditions for c in coded(d.resource["code"], SNOMED) if c in _NYHA}
    return fresh, set() if fresh else {c for r in said for c in _class(r)}


def _class(result: Result) -> list[int]:
    return [_NYHA[c] for c in coded(result.body["valueCodeableConcept"], SNOMED) if c in _NYHA]


def _failing_heart(record: Record, by_class: dict[int, Answer]) -> list[Answer]:
    """By the class; an old one that would not pass is stale, an old one that would is silence."""
    fresh, old = _nyha(record)
    if fresh:
        answers = {by_class[told] for told in fresh}
        return [*answers] if len(answers) == 1 else [CONFLICT]
    if old and by_class[max(old)] != PASS:
        return [STALE]
    found = [d.answer(MISSING) for d in now(record, _HEART_FAILURE)]
    return [*found, _silence(record, "Condition", "Observation")]


def _events(record: Record, codes: Codes, months: int) -> list[Answer]:
    """A past event with onset in the last months fails; undated is unknown."""
    answers = []
    for diagnosis in ever(record, codes):
        recent = since(diagnosis.when, months_before(record.as_of, months)) if diagnosis.when else None
        answers.append(diagnosis.answer({True: FAIL, None: MISSING, False: PASS}[recent]))
    return [*answers, _silence(record, "Condition")]


def _found_or_silent(record: Record, found: list[Answer], *other_types: str) -> Answer:
    return worst([*found, _silence(record, "Condition", *other_types)])


def _silence(record: Record, *types: str) -> Answer:
    """What was not found was not there only where its types were read completely."""
    return SILENT if record.complete(*types) else MISSING


def _silence_on_metastases(record: Record) -> Answer:
    """Many records tell a metastasis only as an Observation."""
    return _silence(record, "Condition", "Observation")


def _codes_start(diagnosis: Diagnosis, beginnings: tuple[str, ...]) -> bool:
    codings = diagnosis.resource["code"].get("coding", [])
    return any(c["code"].upper().replace(".", "").startswith(beginnings) for c in codings)


def _is(diagnosis: Diagnosis, codes: Codes) -> bool:
    return any(codes.names(c.get("system", ""), c["code"]) for c in diagnosis.resource["code"].get("coding", []))


def _allergies(record: Record) -> list[dict]:
    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
    return [
        entry
        for entry in record.of("AllergyIntolerance")
        if not coded(entry.get("verificationStatus"), system) & {"refuted", "entered-in-error"}
    ]


def _allergy_answer(entry: dict, direct: frozenset[str], relatives: frozenset[str]) -> Answer | None:
    names, by_text = _substances(entry)
    if not names & (direct | relatives):
        return _known_none(entry)
    if by_text:
        return UNUSABLE
    if _said(entry, "verificationStatus", "verification") == {"unconfirmed"}:
        return MISSING
    mild = entry.get("type") == "intolerance" or _said(entry, "clinicalStatus", "clinical") == {"resolved"}
    return FAIL if names & direct and not mild else REVIEW


def _known_none(entry: dict) -> Answer | None:
    return PASS if "716186003" in coded(entry.get("code"), SNOMED) else None


def _substances(entry: dict) -> tuple[set[str], bool]:
    """The substance stands in the code or in a reaction; text alone is not enough."""
    concepts = [entry.get("code"), *(r.get("substance") for r in entry.get("reaction", []))]
    codings = [c for concept in concepts if concept for c in concept.get("coding", [])]
    names = {n for c in codings for n in drugs.NAMES.get((c.get("system", ""), c["code"]), ())}
    if names:
        return names, False
    text = " ".join(concept.get("text", "") for concept in concepts if concept).lower()
    return {name for word, name in drugs.TEXT_NAMES if word in text}, True


def _said(entry: dict, what: str, system: str) -> set[str]:
    return coded(entry.get(what), f"http://terminology.hl7.org/CodeSystem/allergyintolerance-{system}")


def _intolerant(record: Record, name: str) -> bool:
    return any(
        entry.get("type") == "intolerance" and name in _substances(entry)[0] and not _substances(entry)[1]
        for entry in _allergies(record)
    )

"""Made-up persons: age and sex, menopause, pregnancy, other diseases, procedures, allergies."""

from collections.abc import Callable

from .chart import AS_OF, ICD, LOINC, RXNORM, SNOMED, Chart, concept, day, hl7, month, year
from .story_tests import quantity, recently


def person(chart: Chart) -> tuple[str, int]:
    """Gender and age, also of those without one; the ages stand on the edges too."""
    if not chart.deviates("person"):
        chart.patient["gender"] = "female"
        age = chart.pick(62, 66, 71, 52, 41)
        chart.patient["birthDate"] = f"{AS_OF.year - age}-05-17"
        return "female", age
    gender = chart.pick("male", "male", "male", "unknown", "other", None) if chart.chance(16) else "female"
    if gender:
        chart.patient["gender"] = gender
    age = chart.pick(62, 66, 71, 64, 55, 52, 46, 41, 35, 60, 59, 18, 17)
    _born(chart, age)
    _died(chart)
    if gender == "male" and chart.chance(15):
        url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex"
        chart.patient["extension"] = [{"url": url, "valueCode": "F"}]
    return gender or "none", age


def menopause(chart: Chart, age: int) -> str:
    """How a woman's menopause is told; what follows for pregnancy depends on it."""
    if age >= 60:
        return "after"
    if not chart.deviates("menopause"):
        chart.procedure("76876009", {"performedDateTime": day(1500)})
        return "after"
    match chart.between(0, 21):
        case 0 | 1:
            chart.procedure(chart.pick("76876009", "116144002", "609230000"), _long_ago(chart), _done(chart))
        case 2:
            chart.condition(chart.pick((ICD, "Z90.722"), (SNOMED, "391083006")), recordedDate=chart.date(500))
        case 3:
            chart.procedure("373837003", _long_ago(chart), _done(chart))
        case 4 | 5 | 6:
            return _hormones(chart)
        case 7 | 8 | 9:
            chart.condition(
                chart.pick((ICD, "Z78.0"), (ICD, "N95.0"), (SNOMED, "76498008")), onsetDateTime=chart.date(200)
            )
        case 10:
            chart.condition((ICD, chart.pick("N95.1", "N95.8", "E28.319", "E89.40")), onsetDateTime=chart.date(200))
        case 11:
            chart.procedure(chart.pick("236886002", "116140006"), _long_ago(chart), _done(chart))
        case 12:
            return "nothing told"
        case 13 | 14:
            _one_side_after_the_other(chart)
        case _:
            return _before(chart)
    return "told"


def pregnancy(chart: Chart, told: str) -> None:
    """Tests, states, breast-feeding, of a woman who may be able to bear a child."""
    if told == "after":
        return
    if not chart.deviates("pregnancy"):
        negative = concept((SNOMED, "260385009"))
        chart.observation("2106-3", {"effectiveDateTime": day(3)}, valueCodeableConcept=negative)
        return
    if "vague period" in chart.told:
        # What a pregnancy says beside a period of which it is not sure that it was a year ago the page leaves open.
        return
    if chart.chance(75):
        _pregnancy_test(chart)
    if chart.chance(8):
        chart.condition((ICD, "Z98.51"), recordedDate=chart.date(900))
    match chart.between(0, 39):
        case 0 | 1:
            begun = chart.date(chart.pick(60, 150, 299, 301, 400))
            chart.condition(chart.pick((ICD, "Z33.1"), (SNOMED, "77386006"), (ICD, "Z34.80")), onsetDateTime=begun)
        case 2:
            answer = concept((SNOMED, chart.pick("77386006", "60001007")))
            chart.observation("82810-3", recently(chart), valueCodeableConcept=answer)
        case 3 | 4:
            feeding = chart.pick((SNOMED, "866041003"), (SNOMED, "69840006"), (ICD, "Z39.1"))
            chart.condition(feeding, onsetDateTime=chart.date(chart.pick(30, 200, 366, 500)))
        case 5:
            ended = {"abatementDateTime": day(90)}
            chart.condition((SNOMED, "77386006"), clinical="resolved", onsetDateTime=day(350), **ended)


def diseases(chart: Chart) -> None:
    for _ in range(chart.pick(0, 0, 1, 1, 2, 3)):
        story: Callable[[Chart], None] = chart.random.choice(_DISEASES)
        story(chart)
    if chart.chance(20):
        chart.condition((ICD, "I10"), onsetDateTime=chart.date(1200))


def procedures(chart: Chart) -> None:
    if chart.chance(25):
        ago = chart.pick(5, 13, 14, 15, 20, 60, 700, 1500)
        chart.procedure(chart.pick("33195004", "108290001", "152198000"), _performed(chart, ago), _done(chart))
    if chart.chance(6):
        chart.procedure(chart.pick("54357003", "90856004"), _performed(chart, 900), _done(chart))
    if chart.chance(15):
        chart.procedure(chart.pick("392021009", "172043006"), _performed(chart, chart.pick(10, 400, 1200)))


def allergies(chart: Chart) -> None:
    if chart.chance(8):
        chart.add("AllergyIntolerance", code=concept((SNOMED, "716186003")), **_allergy_states("confirmed", "active"))
    if chart.chance(30):
        _allergy(chart)
    if chart.chance(15):
        states = _allergy_states("confirmed", "active")
        chart.add("AllergyIntolerance", code=concept((RXNORM, "7980"), text="Penicillin G"), type="allergy", **states)


def _born(chart: Chart, age: int) -> None:
    if chart.chance(3):
        return
    born = AS_OF.year - age
    match chart.between(0, 11):
        case 0:
            chart.patient["birthDate"] = f"{born}"
        case 1:
            chart.patient["birthDate"] = f"{born}-11"
        case 2:
            chart.patient["birthDate"] = f"{born}-11-21"
        case 3:
            chart.patient["birthDate"] = f"{born}-11-22"
        case 4:
            chart.patient["birthDate"] = f"{born - born % 4}-02-29"
        case _:
            chart.patient["birthDate"] = f"{born}-0{chart.between(1, 9)}-1{chart.between(0, 9)}"


def _died(chart: Chart) -> None:
    match chart.between(0, 79):
        case 0:
            chart.patient["deceasedBoolean"] = True
        case 1:
            chart.patient["deceasedBoolean"] = False
        case 2:
            chart.patient["deceasedDateTime"] = chart.pick(month(0), day(0), day(20), year(0))
        case 3:
            chart.patient["deceasedDateTime"] = chart.pick(day(-1), month(-30), "2027")


def _long_ago(chart: Chart) -> dict:
    return {"performedDateTime": chart.date(chart.between(400, 2000))}


def _done(chart: Chart) -> str:
    if chart.chance(75):
        return "completed"
    return chart.pick("stopped", "on-hold", "not-done", "preparation", "entered-in-error", "unknown")


def _performed(chart: Chart, ago: int) -> dict:
    match chart.between(0, 9):
        case 0:
            return {}
        case 1 | 2:
            return {"performedPeriod": {"start": day(ago + 30), "end": chart.date(ago)}}
        case 3:
            return {"performedDateTime": month(ago)}
    return {"performedDateTime": chart.date(ago)}


def _hormones(chart: Chart) -> str:
    """A last period long ago, and the three hormones in or out of the range for after the menopause."""
    _last_period(chart, chart.pick(366, 500, 800))
    for code, unit, inside, outside, bounds in (
        ("15067-2", "[IU]/L", 80, 12, (25.8, 134.8)),
        ("10501-5", "m[IU]/mL", 40, 3, (7.7, 58.5)),
        ("2243-4", "pg/mL", 6, 80, (0, 10)),
    ):
        if chart.chance(8):
            continue
        value = outside if chart.chance(8) else inside
        limits = {"low": quantity(bounds[0], unit), "high": quantity(bounds[1], unit)}
        ranges = [{"type": hl7("referencerange-meaning", "postmenopausal"), **limits}] if chart.chance(92) else []
        when = {"effectiveDateTime": chart.date(40 if chart.chance(8) else chart.between(0, 27))}
        chart.observation(code, when, valueQuantity=quantity(value, unit), referenceRange=ranges)
    return "told"


def _one_side_after_the_other(chart: Chart) -> None:
    """Both ovaries taken out by two procedures, or only one."""
    for side in chart.pick(("7771000", "24028007"), ("7771000", "24028007"), ("7771000",), ()):
        chart.procedure("83152002", _long_ago(chart), bodySite=[concept((SNOMED, side))])


def _before(chart: Chart) -> str:
    _last_period(chart, chart.pick(10, 20, 200, 364, 365))
    return "before"


def _last_period(chart: Chart, ago: int) -> None:
    when = {"effectiveDateTime": chart.date(min(5, ago))}
    if chart.chance(8):
        chart.told.add("vague period")
        chart.observation("8665-2", when, valueDateTime=month(ago))
    else:
        chart.observation("8665-2", when, valueDateTime=day(ago))


def _pregnancy_test(chart: Chart) -> None:
    when = {"effectiveDateTime": chart.date(chart.pick(1, 3, 6, 7, 8, 15, 28, 29, 60))}
    positive = chart.chance(12)
    if positive:
        when = {"effectiveDateTime": chart.date(chart.pick(2, 10, 28))}
    match chart.between(0, 5):
        case 0:
            value = chart.pick(40, 25) if positive else chart.pick(1, 4.9, 5, 12)
            chart.observation("21198-7", when, valueQuantity=quantity(value, chart.pick("m[IU]/mL", "[IU]/L")))
        case 1:
            flag = [hl7("v3-ObservationInterpretation", "POS" if positive else "NEG")]
            chart.observation("2110-5", when, interpretation=flag)
        case 2:
            answer = concept((LOINC, "LA6576-8" if positive else "LA6577-6"))
            chart.observation("2118-8", when, valueCodeableConcept=answer)
        case _:
            answer = concept((SNOMED, "10828004" if positive else "260385009"))
            chart.observation("2106-3", when, valueCodeableConcept=answer)


def _disease(chart: Chart, *codings: tuple[str, str], agos: tuple[int, ...] = (30, 300, 1500)) -> None:
    """A disease with any status, certainty and end."""
    coding = chart.random.choice(codings)
    began = chart.random.choice(agos)
    clinical, ended = "active", {}
    if chart.chance(25):
        clinical = chart.pick("resolved", "inactive", "remission", "recurrence", None)
    if chart.chance(8):
        # An abatement to come is told only of what is still active: together with "resolved" it contradicts itself.
        past = {"abatementDateTime": day(began // 2)}
        ended = chart.pick(past, {"abatementDateTime": year(-300)}) if clinical == "active" else past
    verified = chart.pick("provisional", "unconfirmed", "refuted", "entered-in-error") if chart.chance(15) else None
    onset: dict = {"onsetDateTime": chart.date(began)}
    match chart.between(0, 19):
        case 0:
            onset = {"recordedDate": chart.date(began)}
        case 1:
            onset = {"onsetString": "some time in spring"}
        case 2:
            onset = _at_age(chart, began)
        case 3:
            # Of one visit, without a clinical status.
            clinical, ended = None, {"category": [hl7("condition-category", "encounter-diagnosis")]}
            onset = {"onsetDateTime": chart.date(chart.pick(3, 27, 28, 29, 200))}
        case 4:
            coding = ("", coding[1])
    chart.condition(coding, clinical=clinical, verified=verified, **onset, **ended)


def _at_age(chart: Chart, ago: int) -> dict:
    """An onset by age; in the birth date's own words, where there is one."""
    if "birthDate" not in chart.patient:
        return {"onsetDateTime": chart.date(ago)}
    years = int(day(ago)[:4]) - int(chart.patient["birthDate"][:4]) - 1
    return {"onsetAge": quantity(max(years, 0), "a")}


def _liver(chart: Chart) -> None:
    _disease(
        chart, (ICD, "K74.60"), (ICD, "K70.30"), (ICD, "K73.2"), (SNOMED, "19943007"), (ICD, "K74.01"), (ICD, "K75.4")
    )


def _gut(chart: Chart) -> None:
    _disease(chart, (ICD, "K90.0"), (ICD, "K50.90"), (SNOMED, "62315008"), (ICD, "R11.2"), (ICD, "K25.9"))


def _blood(chart: Chart) -> None:
    _disease(
        chart, (ICD, "D66"), (SNOMED, "128105004"), (ICD, "D68.9"), (ICD, "D69.3"), (ICD, "D69.6"), (ICD, "D68.51")
    )


def _substance(chart: Chart) -> None:
    if chart.chance(25):
        told = {"effectivePeriod": {"start": day(90)}, "medicationCodeableConcept": concept((RXNORM, "245134"))}
        chart.add("MedicationStatement", status="active", **told)
    codings = (
        (ICD, "F10.20"),
        (ICD, "F10.21"),
        (SNOMED, "66590003"),
        (ICD, "F11.20"),
        (ICD, "F10.10"),
        (ICD, "F17.210"),
    )
    _disease(chart, *codings)


def _infection(chart: Chart) -> None:
    _disease(chart, (ICD, "A41.9"), (ICD, "J18.9"), (ICD, "B18.1"), (SNOMED, "86406008"))


def _mild_infection(chart: Chart) -> None:
    _disease(chart, (SNOMED, "40733004"), agos=(5, 27, 28, 29, 90))


def _infarction(chart: Chart) -> None:
    coding = chart.pick((ICD, "I21.4"), (SNOMED, "22298006"), (ICD, "I20.0"), (SNOMED, "230690007"), (ICD, "I63.9"))
    onset = chart.pick(*({"onsetDateTime": chart.date(n)} for n in (30, 91, 92, 93, 183, 184, 185, 800)), {})
    if chart.chance(20):
        told = {"onsetDateTime": chart.pick(year(0), month(185), month(60))}
        onset = chart.pick(told, {"recordedDate": chart.date(chart.pick(30, 400))}, _at_age(chart, chart.pick(30, 800)))
    chart.condition(coding, clinical="active", **onset)


def _rhythm(chart: Chart) -> None:
    _disease(chart, (ICD, "I48.91"), (SNOMED, "49436004"), (ICD, "I47.20"), (ICD, "I44.2"), (SNOMED, "9651007"))


def _failing_heart(chart: Chart) -> None:
    """Heart failure with and without a class; a class alone."""
    if chart.chance(70):
        _disease(chart, (ICD, "I50.9"), (ICD, "I50.22"), (SNOMED, "84114007"))
    code = chart.pick("420300004", "421704003", "420913000", "422293003")
    if chart.chance(15) and "nyha" not in chart.told:
        # The page leaves open how long a class told by a Condition counts: a recent one does.
        chart.condition((SNOMED, code), onsetDateTime=chart.date(chart.pick(10, 100)))
        chart.told.add("nyha")
    elif chart.chance(65) and "nyha" not in chart.told:
        chart.told.add("nyha")
        answer = concept((SNOMED, code))
        when = {"effectiveDateTime": chart.date(chart.pick(10, 100, 180, 181, 400))}
        chart.observation("420816009", when, system=SNOMED, valueCodeableConcept=answer)


def _second_cancer(chart: Chart) -> None:
    """Another primary, an exempt one, one of the skin or the cervix."""
    codings = (
        (ICD, "C18.9"),
        (ICD, "C73"),
        (SNOMED, "372244006"),
        (SNOMED, "254637007"),
        (ICD, "C44.91"),
        (ICD, "C44.92"),
    )
    coding = chart.pick(
        *codings, (ICD, "C53.9"), (ICD, "D06.9"), (ICD, "C44.90"), (ICD, "C44.99"), (SNOMED, "254701007")
    )
    clinical = chart.pick("active", "remission", "resolved", "inactive", "resolved")
    onset = chart.pick(
        *({"onsetDateTime": chart.date(n)} for n in (400, 1095, 1096, 1097, 2200)), {"recordedDate": day(1500)}
    )
    onset = _at_age(chart, chart.pick(400, 1300, 2200)) if chart.chance(10) else onset
    verified = chart.pick("provisional", "refuted") if chart.chance(8) else None
    if coding[1] == "C44.90":
        # What a skin cancer of no told type comes to once it is over for years the page leaves open.
        clinical = "active"
    chart.condition(coding, clinical=clinical, verified=verified, **onset)


def _brain(chart: Chart) -> None:
    codings = ((ICD, "C79.31"), (SNOMED, "94225005"), (ICD, "C79.49"), (SNOMED, "1155991005"), (SNOMED, "230156002"))
    coding = chart.pick(*codings, (ICD, "C79.32"), (SNOMED, "722671009"), (SNOMED, "94246001"))
    text = chart.pick("Leptomeningeal metastases", "Metastasis of the meninges") if coding[1] == "C79.32" else None
    verified = "provisional" if chart.chance(10) else None
    clinical = chart.pick("active", "remission")
    chart.condition(coding, clinical=clinical, verified=verified, text=text, onsetDateTime=chart.date(50))


_DISEASES = (
    _liver,
    _gut,
    _blood,
    _substance,
    _infection,
    _mild_infection,
    _infarction,
    _infarction,
    _rhythm,
    _failing_heart,
    _failing_heart,
    _second_cancer,
    _second_cancer,
    _brain,
)


def _allergy(chart: Chart) -> None:
    """To a study drug, a relative, or something else; coded or text, in the code or a reaction."""
    coding = chart.pick(
        (RXNORM, "1601374"),
        (RXNORM, "224905"),
        (SNOMED, "387003001"),
        (RXNORM, "84857"),
        (SNOMED, "386911004"),
        (RXNORM, "1371041"),
        (RXNORM, "2267582"),
        (SNOMED, "761851004"),
        (RXNORM, "258494"),
    )
    verified = chart.pick("unconfirmed", "refuted", "entered-in-error") if chart.chance(15) else "confirmed"
    clinical = chart.pick("resolved", "inactive") if chart.chance(20) else "active"
    kind = chart.pick({"type": "allergy"}, {"type": "allergy"}, {}, {"type": "intolerance"})
    if verified == "unconfirmed":
        clinical, kind = "active", {"type": "allergy"}
    if chart.chance(15):
        # Whether an allergy to pertuzumab is an intolerance of it the page leaves open.
        coding, kind, verified = (RXNORM, "1298944"), {"type": "intolerance"}, "confirmed"
    told: dict = {"code": concept(coding)}
    if chart.chance(10):
        told, verified = {"code": {"text": chart.pick("Herceptin", "Ibrance", "Kadcyla")}}, "confirmed"
    elif chart.chance(15):
        told = {"reaction": [{"substance": concept(coding), "manifestation": [{"text": "hives"}]}]}
    chart.add("AllergyIntolerance", **told, **kind, **_allergy_states(verified, clinical))


def _allergy_states(verified: str, clinical: str) -> dict:
    states = {"verificationStatus": hl7("allergyintolerance-verification", verified)}
    if verified != "entered-in-error":
        states["clinicalStatus"] = hl7("allergyintolerance-clinical", clinical)
    return states

"""Made-up results: laboratory, heart, lungs, performance, with every way to date, state and write them."""

from collections.abc import Callable
from dataclasses import dataclass

from .chart import LOINC, SNOMED, Chart, concept, day, hl7, month, year

COUNTS = (("10*3/uL", 1, True), ("10*9/L", 1, True), ("K/uL", 1, False), ("x10E3/uL", 1, False), ("/mm3", 1000, False))
MASS = (("mg/dL", 1, True),)
ENZYME = (("U/L", 1, True), ("IU/L", 1, False))


@dataclass(frozen=True)
class Test:
    """Codes, units (name, factor from the first, UCUM or text), values from good to bad, an upper limit of normal."""

    name: str
    codes: tuple[str, ...]
    units: tuple[tuple[str, int, bool], ...]
    good: tuple[float, ...]
    other: tuple[float, ...]
    normal: float | None = None


TESTS = (
    Test("anc", ("751-8", "26499-4", "753-4"), COUNTS, (2.1, 3.4, 5), (1.5, 1.499, 1.2, 1, 0.999, 0.4)),
    Test("platelets", ("777-3", "26515-7"), COUNTS, (180, 240, 310), (100, 99, 75, 74, 20)),
    Test("hemoglobin", ("718-7", "30350-3"), (("g/dL", 1, True), ("g/L", 10, True)), (12, 11.5), (10, 9.9, 9, 9.1, 7)),
    Test("bilirubin", ("1975-2", "42719-5"), MASS, (0.5, 0.8, 1), (1.8, 1.9, 2, 2.1, 2.4, 2.5, 4), 1.2),
    Test("creatinine", ("2160-0", "38483-4"), MASS, (0.7, 0.9), (1.5, 1.6, 1.4, 3), 1),
    Test("alt", ("1742-6",), ENZYME, (18, 35), (80, 81, 100, 101, 150, 200, 201, 400), 40),
    Test("ast", ("1920-8", "30239-8"), ENZYME, (20, 33), (80, 81, 100, 101, 150, 200, 201, 400), 40),
    Test("alp", ("6768-6",), ENZYME, (70, 110), (240, 241, 500), 120),
)
GLUCOSE = Test("glucose", ("1558-6",), MASS, (90, 99), (150, 151, 300), 100)

# One 2.0 mg/dL of bilirubin and one 1.5 mg/dL of creatinine lie clear of these, so the molar mass does not matter.
MOLAR = {"bilirubin": ("14631-6", (9, 14, 70), 20), "creatinine": ("14682-9", (60, 75, 300), 90)}


def laboratory(chart: Chart) -> None:
    for test in TESTS:
        if not chart.deviates(test.name):
            told = {"valueQuantity": _quantity(chart, test, chart.random.choice(test.good))} | _range(test)
            chart.observation(test.codes[0], recently(chart), **told)
        elif chart.chance(95):
            _one_test(chart, test)
    if chart.chance(35):
        _glucose(chart)
    if chart.chance(10):
        chart.observation("2345-7", recently(chart), valueQuantity=quantity(412, "mg/dL"))


def heart(chart: Chart) -> None:
    if not chart.deviates("heart"):
        _lvef(chart, "8806-2", 60, chart.between(0, 89))
        return
    match chart.between(0, 19):
        case 0:
            return
        case 1:
            _lvef(chart, chart.pick("8812-0", "8811-2"), chart.pick(61, 44), chart.between(0, 90))
        case 2:
            _lvef(chart, "8806-2", chart.pick(62, 45), 40)
            _lvef(chart, "8812-0", chart.pick(61, 41, 50), chart.pick(20, 60))
        case 3:
            _lvef(chart, "10230-1", 60, chart.pick(90, 91, 200))
        case 4:
            chart.observation("10230-1", recently(chart), valueQuantity={"value": 0.6})
        case 5:
            chart.observation(
                "10230-1", recently(chart), valueString=chart.pick("55-60 %", "> 50 %", "about 60", "45-55 %")
            )
        case 6:
            _lvef(chart, "10230-1", 58, 30)
            _lvef(chart, "8806-2", chart.pick(40, 66), 10)
        case 7:
            chart.observation("18043-0", recently(chart), valueRange={"low": percent(50), "high": percent(55)})
        case 8 | 9 | 10:
            _lvef(chart, chart.pick("10230-1", "18043-0"), chart.pick(50, 51, 50.1, 49, 40), chart.between(0, 89))
        case _:
            _lvef(chart, chart.pick("10230-1", "8806-2", "18043-0"), chart.pick(55, 60, 65), chart.between(0, 89))


def performance(chart: Chart) -> None:
    if not chart.deviates("performance"):
        chart.observation("89247-1", recently(chart), valueInteger=chart.pick(0, 1, 2))
        return
    code, system = chart.pick(("89247-1", LOINC), ("89247-1", LOINC), ("89262-0", LOINC), ("423740007", SNOMED))
    if chart.chance(6):
        return
    if chart.chance(12):
        chart.observation(code, older(chart), system=system, valueInteger=chart.pick(0, 3))
    score = chart.pick(0, 0, 1, 1, 1, 2, 3, 4, 5) if chart.chance(60) else 1
    chart.observation(code, window(chart, 28), system=system, status=_status(chart), **_score(chart, score))


def lungs(chart: Chart) -> None:
    if chart.chance(40):
        value = chart.pick(97, 95, 93, 90, 90, 89, 88, 89.5)
        when = {"effectiveDateTime": chart.date(chart.pick(1, 5, 20, 28, 29, 90))}
        chart.observation(chart.pick("59408-5", "2708-6", "59410-1"), when, valueQuantity=percent(value))
    elif chart.chance(12):
        flow = concept((LOINC, "3151-8"))
        part = [{"code": flow, "valueQuantity": quantity(chart.pick(2, 4), "L/min")}]
        when, value = recently(chart), percent(chart.pick(94, 86))
        chart.observation("59408-5", when, component=part, valueQuantity=value)
    elif chart.chance(12):
        chart.observation("20152-5", recently(chart), valueQuantity=percent(chart.pick(48, 50, 51, 85)))


def _glucose(chart: Chart) -> None:
    """An exclusion: the page leaves open what an undated or a provisional one that would exclude comes to."""
    ago = chart.pick(2, 10, 20, 27, 28, 29, 60)
    chart.observation("1558-6", {"effectiveDateTime": chart.date(ago)}, **_body(chart, GLUCOSE))


def recently(chart: Chart, days: int = 27) -> dict:
    return {"effectiveDateTime": chart.date(chart.between(0, days))}


def older(chart: Chart) -> dict:
    return {"effectiveDateTime": chart.date(chart.between(60, 700))}


def window(chart: Chart, days: int) -> dict:
    """Mostly inside the window; on its edge, outside it, or dated in an unusual way."""
    match chart.between(0, 39):
        case 0:
            return {"effectiveDateTime": chart.date(days)}
        case 1:
            return {"effectiveDateTime": chart.date(days + 1)}
        case 2:
            return older(chart)
        case 3:
            return {"effectiveDateTime": chart.pick(month(0), month(40), year(0), year(400))}
        case 4:
            return {"effectivePeriod": {"start": day(days + 10), "end": chart.date(chart.between(0, days))}}
        case 5:
            return {"effectivePeriod": {"start": chart.date(chart.between(0, days))}}
        case 6:
            return {"effectiveInstant": chart.moment(chart.between(0, days))}
        case 7:
            return {"effectiveTiming": {"event": [chart.moment(days + 20), chart.moment(chart.between(0, days - 1))]}}
        case 8:
            return {"issued": chart.moment(days + 30)}
        case 9:
            return {}
        case 10:
            return {"effectiveDateTime": chart.date(-chart.between(1, 30))}
        case 11:
            return {"effectivePeriod": {"start": day(days + 40), "end": day(days + 2)}}
    return {"effectiveDateTime": chart.date(chart.between(0, days - 1))}


def quantity(value: float, unit: str, ucum: bool = True) -> dict:
    told = {"value": value, "unit": unit}
    return told | {"system": "http://unitsofmeasure.org", "code": unit} if ucum else told


def percent(value: float) -> dict:
    return quantity(value, "%")


def _one_test(chart: Chart, test: Test) -> None:
    special = chart.between(0, 59)
    stories: dict[int, Callable[[Chart, Test], None]] = {
        0: _none_counts,
        1: _superseded,
        2: _without_value,
        3: _same_day,
        4: _two_values,
        5: _in_a_panel,
        6: _about_someone_else,
        7: _new_version,
        8: _modified,
    }
    stories.get(special, _plain)(chart, test)


def _plain(chart: Chart, test: Test) -> None:
    body = _molar(chart, test) if test.name in MOLAR and chart.chance(10) else _body(chart, test)
    code = body.pop("code", None) or chart.random.choice(test.codes)
    chart.observation(code, window(chart, 28), status=_status(chart), **body)


def _none_counts(chart: Chart, test: Test) -> None:
    status = chart.pick("preliminary", "registered", "unknown", "entered-in-error", "cancelled")
    chart.observation(test.codes[0], recently(chart), status=status, **_body(chart, test))


def _superseded(chart: Chart, test: Test) -> None:
    """A newer result, of which some do not count."""
    chart.observation(test.codes[0], {"effectiveDateTime": day(20)}, **_body(chart, test))
    status = chart.pick("final", "final", "preliminary", "entered-in-error")
    chart.observation(test.codes[-1], {"effectiveDateTime": chart.date(5)}, status=status, **_body(chart, test))


def _without_value(chart: Chart, test: Test) -> None:
    absent = hl7("data-absent-reason", "not-performed")
    chart.observation(test.codes[0], {"effectiveDateTime": day(2)}, dataAbsentReason=absent)
    if chart.chance(70):
        chart.observation(test.codes[0], {"effectiveDateTime": chart.date(9)}, **_body(chart, test))


def _same_day(chart: Chart, test: Test) -> None:
    """Two results of one day: by time, by issue, or by nothing."""
    values = [test.good[0], test.other[-1]]
    chart.random.shuffle(values)
    first, second = ({"valueQuantity": _quantity(chart, test, v)} | _range(test) for v in values)
    match chart.between(0, 3):
        case 0:
            times = ({"effectiveDateTime": "2026-11-10T08:00:00Z"}, {"effectiveDateTime": "2026-11-10T16:00:00Z"})
        case 1:
            same = {"effectiveDateTime": "2026-11-10"}
            times = (same | {"issued": "2026-11-10T10:00:00Z"}, same | {"issued": "2026-11-11T09:00:00Z"})
        case 2:
            times = ({"effectiveDateTime": "2026-11-10"}, {"effectiveDateTime": "2026-11-10T23:30:00+02:00"})
        case _:
            times = ({"effectiveDateTime": "2026-11-10"}, {"effectiveDateTime": "2026-11-10"})
    chart.observation(test.codes[0], times[0], **first)
    chart.observation(test.codes[0], times[1], **second)


def _two_values(chart: Chart, test: Test) -> None:
    unit = test.units[0][0]
    told = {"valueQuantity": quantity(test.good[0], unit), "valueString": f"{test.other[-1]} {unit}"}
    chart.observation(test.codes[0], recently(chart), **told, **_range(test))


def _in_a_panel(chart: Chart, test: Test) -> None:
    part = {"code": concept((LOINC, test.codes[0]))} | _body(chart, test)
    chart.observation("58410-2", window(chart, 28), status=_status(chart), component=[part])


def _about_someone_else(chart: Chart, test: Test) -> None:
    other = [{"reference": "RelatedPerson/child"}]
    chart.observation(test.codes[0], recently(chart), focus=other, **_body(chart, test))


def _new_version(chart: Chart, test: Test) -> None:
    """Of two versions of a resource the newer counts."""
    first = chart.observation(test.codes[0], recently(chart), meta={"versionId": "1"}, **_body(chart, test))
    second = {k: v for k, v in first.items() if not k.startswith("value")} | _body(chart, test)
    chart.resources.append(second | {"meta": {"versionId": "2"}})


def _modified(chart: Chart, test: Test) -> None:
    marked = [{"url": "https://ehr.example.org/fhir/StructureDefinition/negated", "valueBoolean": True}]
    chart.observation(test.codes[0], recently(chart), modifierExtension=marked, **_body(chart, test))


def _status(chart: Chart) -> str:
    return chart.pick("amended", "corrected", "Final", "preliminary") if chart.chance(8) else "final"


def _body(chart: Chart, test: Test) -> dict:
    """A value and its reference range, mostly plain."""
    value = chart.random.choice(test.other if chart.chance(25) else test.good)
    unit = test.units[0][0]
    match chart.between(0, 29):
        case 0:
            return {
                "valueQuantity": _quantity(chart, test, value) | {"comparator": chart.pick("<", ">", "<=", ">=")}
            } | _range(test)
        case 1:
            return {
                "valueString": chart.pick(f"{value} {unit}", f"< {value} {unit}", "see report", f"{value}")
            } | _range(test)
        case 2:
            low, high = quantity(min(value, *test.good), unit), quantity(max(value, *test.good), unit)
            return {"valueRange": {"low": low, "high": high}} | _range(test)
        case 3:
            return {"valueQuantity": chart.pick({"value": value}, quantity(value, "mm[Hg]"), quantity(50000000, unit))}
        case 4:
            return chart.pick({"valueCodeableConcept": concept((SNOMED, "17621005"))}, {"valueBoolean": True})
        case 5 | 6 | 7:
            return {"valueQuantity": _quantity(chart, test, value)} | _unusual_range(chart, test, value)
    return {"valueQuantity": _quantity(chart, test, value)} | _range(test)


def _molar(chart: Chart, test: Test) -> dict:
    code, values, normal = MOLAR[test.name]
    told = {"valueQuantity": quantity(chart.random.choice(values), "umol/L")}
    return told | {"code": code, "referenceRange": [{"high": quantity(normal, "umol/L")}]}


def _quantity(chart: Chart, test: Test, value: float) -> dict:
    unit, by, ucum = chart.random.choice(test.units)
    scaled = round(value * by, 6)
    return quantity(int(scaled) if scaled == int(scaled) else scaled, unit, ucum)


def _range(test: Test) -> dict:
    if test.normal is None:
        return {}
    return {"referenceRange": [{"high": quantity(test.normal, test.units[0][0])}]}


def _unusual_range(chart: Chart, test: Test, value: float) -> dict:
    """None at all, only a flag, text, a bound in the value's own unit, one that is no range of normal, two."""
    if test.normal is None:
        return {}
    unit = test.units[0][0]
    flag = "N" if value <= test.normal else "H"
    flagged = {"interpretation": [hl7("v3-ObservationInterpretation", flag)]}
    therapeutic = {"type": hl7("referencerange-meaning", "therapeutic"), "high": quantity(test.normal * 9, unit)}
    normal = {"type": hl7("referencerange-meaning", "normal"), "high": quantity(test.normal, unit)}
    elsewhere = {"age": {"high": quantity(12, "a")}, "high": quantity(test.normal * 3, unit)}
    men = {"appliesTo": [concept((SNOMED, "248153007"))], "high": quantity(test.normal * 4, unit)}
    women = {"appliesTo": [concept((SNOMED, "248152002"))], "high": quantity(test.normal, unit)}
    match chart.between(0, 10):
        case 0:
            return {}
        case 1 | 2:
            return flagged
        case 8 if "birthDate" in chart.patient:
            return {"referenceRange": [elsewhere, normal]}
        case 9 if chart.patient.get("gender") in ("female", "male"):
            return {"referenceRange": [men, women]}
        case 10:
            return {"referenceRange": [{"text": chart.pick(f"0.1-{test.normal}", f"<{test.normal}")}]}
        case 3:
            return {"referenceRange": [{"text": chart.pick(f"0.1-{test.normal} {unit}", f"<{test.normal} {unit}")}]}
        case 4:
            return {"referenceRange": [{"text": "see the laboratory's page"}]}
        case 5:
            return {"referenceRange": [therapeutic, normal]}
        case 6:
            return {"referenceRange": [{"low": quantity(0.1, unit)}]}
    return {"referenceRange": [normal, {"high": quantity(test.normal * 2, unit)}]}


def _lvef(chart: Chart, code: str, value: float, ago: int) -> None:
    chart.observation(code, {"effectiveDateTime": chart.date(ago)}, valueQuantity=percent(value))


_LA = ("LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6")
_GRADE = ("425389002", "422512005", "422894000", "423053003", "423237006", "423409001")


def _score(chart: Chart, score: int) -> dict:
    match chart.between(0, 9):
        case 0 | 1:
            return {"valueCodeableConcept": concept((LOINC, _LA[score]))}
        case 2:
            return {"valueCodeableConcept": concept((SNOMED, _GRADE[score]))}
        case 3:
            return {"valueQuantity": quantity(score, chart.pick("{score}", "1"))}
        case 4:
            return {"valueQuantity": quantity(score, "%")}
        case 5:
            return {"valueString": chart.pick(str(score), "good")}
    return {"valueInteger": score}

"""Made-up cancers: the diagnosis, the metastases and their date, receptors, the course of the disease."""

from .chart import AJCC, ICD, ICD_WHO, LOINC, SNOMED, Chart, concept, day, hl7, month, year
from .story_tests import percent, quantity

_BREAST = (
    (ICD, "C50.911"),
    (ICD, "C50.411"),
    (ICD_WHO, "C50.9"),
    (ICD, "c50912"),
    (SNOMED, "254837009"),
    (SNOMED, "408643008"),
    (SNOMED, "278054005"),
)
_DISTANT = (
    (ICD, "C78.7"),
    (ICD, "C79.51"),
    (ICD, "C78.01"),
    (ICD, "C77.2"),
    (SNOMED, "94222008"),
    (SNOMED, "94381002"),
    (SNOMED, "94391008"),
    (SNOMED, "94493005"),
    (ICD, "C79.9"),
)
_STATUSES = ("active", "active", "active", None, "remission", "resolved", "inactive")
_LIVER, _BONE, _BRAIN, _NONE = "10200004", "272673000", "12738006", "260413007"


def cancer(chart: Chart, spread_ago: int | None) -> None:
    """The breast cancer's Condition, its metastases begun so many days ago (None: nothing certain about them)."""
    if not chart.deviates("cancer"):
        chart.condition((ICD, "C50.911"), onsetDateTime=day(1500))
        chart.condition(chart.random.choice(_DISTANT), onsetDateTime=chart.date(spread_ago))
        return
    primary = _primary(chart)
    if spread_ago is None:
        _unclear_spread(chart)
    else:
        _spread(chart, primary, spread_ago)
        if chart.chance(20):
            # The stage at diagnosis, long before the metastasis.
            _observed(chart, "21902-2", 2800, concept((SNOMED, chart.pick("258219007", "258224005"))))


def receptors(chart: Chart) -> None:
    """HER2, ER and PR; now and then only as diagnoses."""
    if chart.deviates("her2") and chart.deviates("er and pr") and chart.chance(10):
        _receptor_diagnoses(chart)
        return
    if chart.deviates("er and pr"):
        _er_and_pr(chart)
    else:
        chart.observation("85329-1", {"effectiveDateTime": day(300)}, valueQuantity=percent(90))
        chart.observation("85325-9", {"effectiveDateTime": day(300)}, valueQuantity=percent(40))
    if not chart.deviates("her2"):
        score = concept((LOINC, _IHC["3+"]))
        chart.observation("85319-2", {"effectiveDateTime": day(300)}, valueCodeableConcept=score)
        return
    specimens = chart.pick(0, 1, 1, 1, 1, 1, 1, 1, 2) if chart.chance(50) else 1
    # Far enough apart to be told from each other by their dates.
    named = chart.chance(50)
    for ago in chart.random.sample((30, 200, 400, 800, 1300), specimens):
        _her2(chart, ago, named)


def disease_status(chart: Chart, induced_ago: int) -> None:
    """Better, stable, worse, undetermined; before the induction or after it."""
    for _ in range(chart.pick(0, 1, 1, 1, 2)):
        said = chart.pick("268910001", "359746009", "359746009", "271299001", "709137006", "260415000")
        ago = induced_ago + 30 if chart.chance(10) else chart.between(1, induced_ago - 5)
        chart.observation(
            "97509-4", {"effectiveDateTime": chart.date(ago)}, valueCodeableConcept=concept((SNOMED, said))
        )


def _primary(chart: Chart) -> dict | None:
    onset = _onset(chart, chart.between(900, 3000))
    match chart.between(0, 59):
        case 0:
            return None
        case 1:
            return chart.condition((ICD, "Z85.3"), **onset)
        case 2:
            return chart.condition((SNOMED, "429087003"), clinical=chart.pick("active", "resolved"), **onset)
        case 3:
            site = [concept((SNOMED, "76752008"))]
            return chart.condition((SNOMED, "363346000"), bodySite=site, **onset)
        case 4:
            return chart.condition((SNOMED, "363346000"), text="Cancer of the breast", **onset)
        case 5:
            verified = chart.pick("provisional", "differential", "unconfirmed")
            return chart.condition((ICD, "C50.911"), verified=verified, **onset)
        case 6:
            return chart.condition((ICD, "C50.911"), verified=chart.pick("refuted", "entered-in-error"), **onset)
        case 7:
            return chart.condition((ICD, chart.pick("D05.11", "C79.81")), **onset)
        case 8:
            return chart.condition(("", "C50.911"), **onset)
        case 9:
            return chart.condition((SNOMED, "C50.911"), **onset)
        case 10 | 11:
            return chart.condition((ICD, "C50.911"), clinical=chart.pick("recurrence", "relapse"), **onset)
        case 12:
            return chart.condition((SNOMED, "363346000"), verified="confirmed", text="Lymph node biopsy", **onset)
    verified = chart.pick(None, "confirmed")
    return chart.condition(
        chart.random.choice(_BREAST), clinical=chart.random.choice(_STATUSES), verified=verified, **onset
    )


def _onset(chart: Chart, ago: int) -> dict:
    """Every way to say when something began."""
    match chart.between(0, 9):
        case 0:
            return {"onsetDateTime": month(ago)}
        case 1:
            return {"onsetDateTime": year(ago)}
        case 2:
            return {"onsetPeriod": {"start": day(ago), "end": day(ago - 20)}}
        case 3:
            return {"recordedDate": chart.date(ago)}
        case 4:
            return {}
    return {"onsetDateTime": chart.date(ago)}


def _spread(chart: Chart, primary: dict | None, ago: int) -> None:
    """One or two signs of metastasis, the earliest of them on that day."""
    status = chart.random.choice(_STATUSES)
    match chart.between(0, 15):
        case 0:
            site = [concept((SNOMED, chart.pick(_LIVER, _BONE)))]
            chart.condition((SNOMED, "128462008"), clinical=status, bodySite=site, onsetDateTime=chart.date(ago))
        case 1:
            chart.condition((SNOMED, "315004001"), onsetDateTime=chart.date(ago))
        case 2:
            value = concept((SNOMED, chart.pick("258228008", "1222837003")))
            _observed(chart, chart.pick("21908-9", "21902-2", "21914-7"), ago, value)
        case 3:
            _observed(chart, "21908-9", ago, concept((AJCC, chart.pick("4", "IV"))))
        case 4:
            value = concept((SNOMED, chart.pick("55440008", "1229903009", "14926007")))
            _observed(chart, chart.pick("21907-1", "21901-4"), ago, value)
        case 5:
            _observed(chart, "44667-4", ago, concept((SNOMED, chart.pick(_LIVER, _BONE))))
        case 6:
            _own_stage(chart, primary, ago)
        case 7:
            chart.condition((ICD, "C79.51"), clinical=status, recordedDate=chart.date(ago))
        case 8:
            chart.condition((ICD, "C78.7"), clinical=status, onsetDateTime=chart.pick(month(ago), year(ago)))
        case 9:
            _observed(chart, "399390009", ago, concept((SNOMED, "1222837003")), SNOMED)
        case _:
            chart.condition(chart.random.choice(_DISTANT), clinical=status, onsetDateTime=chart.date(ago))
    if chart.chance(15):
        chart.condition((ICD, chart.pick("C78.01", "C79.31", "C78.7")), onsetDateTime=chart.date(max(ago - 20, 0)))


def _own_stage(chart: Chart, primary: dict | None, ago: int) -> None:
    """The stage inside the cancer's Condition, dated by its assessment or not at all."""
    if primary is None or not _certain(primary):
        chart.condition((ICD, "C79.51"), onsetDateTime=chart.date(ago))
        return
    stage: dict = {"summary": concept((SNOMED, "258228008"))}
    if chart.chance(70):
        looked = chart.observation("85352-3", {"effectiveDateTime": day(ago)}, valueString="staging")
        stage["assessment"] = [chart.reference(looked)]
    primary["stage"] = [stage]


def _certain(primary: dict) -> bool:
    """A Condition that is the breast cancer itself and no doubt about it."""
    coding = primary["code"]["coding"][0]
    verified = primary.get("verificationStatus", {}).get("coding", [{"code": "confirmed"}])[0]["code"]
    return (coding.get("system"), coding["code"]) in _BREAST and verified == "confirmed"


def _unclear_spread(chart: Chart) -> None:
    """Early, regional, doubted, undated, or nothing told about a spread."""
    match chart.between(0, 19):
        case 0:
            code = chart.pick((ICD, "C77.3"), (SNOMED, "94181007"), (SNOMED, "94338000"))
            chart.condition(code, onsetDateTime=chart.date(400))
        case 1:
            code = chart.pick(
                (ICD, "C77.9"), (ICD, "C77.0"), (SNOMED, "94392001"), (SNOMED, "94614009"), (SNOMED, "94253005")
            )
            chart.condition(code, onsetDateTime=chart.date(400))
        case 2:
            _observed(chart, "21908-9", 500, concept((SNOMED, chart.pick("258219007", "258215001"))))
        case 3 | 4 | 5:
            value = chart.pick(concept((SNOMED, "258224005")), concept((AJCC, "3A")))
            _observed(chart, "21902-2", 500, value)
        case 6:
            _observed(chart, "21907-1", 300, concept((SNOMED, chart.pick("30893008", "1229901006"))))
        case 7:
            chart.condition((ICD, "C78.7"), verified="provisional", onsetDateTime=chart.date(100))
        case 8 | 9:
            chart.condition((ICD, chart.pick("C79.51", "C78.01")))
        case 10:
            _observed(chart, "21908-9", 200, concept((SNOMED, "258228008")), status="preliminary")
        case 11:
            chart.condition((ICD, "C78.7"), onsetDateTime=chart.date(-10))
        case 12:
            _other_cancers_stage(chart)
        case 13 | 14:
            _beside_another(chart)
        case 15:
            _observed(chart, "21902-2", 500, concept((SNOMED, "258224005")))
            chart.condition((ICD, "C50.911"), clinical="recurrence", onsetDateTime=chart.date(300))
        case 16:
            _observed(chart, "21907-1", 300, concept((SNOMED, "30893008")))
            _observed(chart, "44667-4", 300, concept((SNOMED, _NONE)))


def _beside_another(chart: Chart) -> None:
    """A metastasis that may belong to another cancer, or that names the breast, or beside one that does not matter."""
    code = chart.pick((ICD, "C18.9"), (ICD, "C18.9"), (ICD, "C44.91"), (SNOMED, "254637007"), (ICD, "D06.9"))
    chart.condition(code, clinical=chart.pick("active", "active", "resolved"), onsetDateTime=chart.date(2000))
    spread = chart.pick((ICD, "C78.7"), (SNOMED, "94391008"), (SNOMED, "315004001"))
    chart.condition(spread, onsetDateTime=chart.date(300))


def _other_cancers_stage(chart: Chart) -> None:
    """A stage whose focus is another cancer is not used."""
    other = chart.condition((ICD, "C73"), clinical="resolved", onsetDateTime=chart.date(2500))
    focus = [chart.reference(other)]
    when = {"effectiveDateTime": chart.date(2400)}
    chart.observation("21908-9", when, valueCodeableConcept=concept((SNOMED, "258228008")), focus=focus)


def _observed(chart: Chart, code: str, ago: int, value: dict, system: str = LOINC, status: str = "final") -> None:
    when = {"effectiveDateTime": chart.date(ago)}
    chart.observation(code, when, system=system, status=status, valueCodeableConcept=value)


_IHC = {"0": "LA6111-4", "1+": "LA11841-6", "2+": "LA11842-4", "3+": "LA11843-2"}


def _her2(chart: Chart, ago: int, named: bool) -> None:
    """One specimen: immunohistochemistry, in situ hybridisation, an overall word, in any mixture."""
    when = {"effectiveDateTime": chart.date(ago)}
    joined = {"specimen": {"reference": f"Specimen/s{ago}"}} if named else {}
    results = []
    match chart.between(0, 29):
        case 0:
            results.append(_overall(chart, when, joined))
        case 1:
            chart.observation("51981-9", when, valueCodeableConcept=concept((SNOMED, "10828004")))
        case 2:
            results.append(_ihc(chart, when, joined, chart.pick("0", "3+")))
            results.append(_overall(chart, when, joined))
        case 3:
            flag = [hl7("v3-ObservationInterpretation", chart.pick("POS", "NEG"))]
            results.append(chart.observation("85319-2", when, interpretation=flag, **joined))
        case n if n < 15:
            results.append(_ihc(chart, when, joined, "3+" if chart.chance(80) else chart.pick("0", "1+", "2+")))
        case _:
            if chart.chance(75):
                results.append(_ihc(chart, when, joined, chart.pick("0", "1+", "2+", "2+", "2+", "3+")))
            results += _ish(chart, when, joined)
    if not joined and len(results) > 1 and chart.chance(40):
        chart.add("DiagnosticReport", status="final", result=[chart.reference(result) for result in results])


def _ihc(chart: Chart, when: dict, joined: dict, score: str) -> dict:
    """A score, or positive, negative, equivocal."""
    word = {"3+": "10828004", "0": "260385009", "1+": "260385009", "2+": "42425007"}[score]
    told = {"valueCodeableConcept": concept((LOINC, _IHC[score]))}
    if chart.chance(30):
        told = chart.pick({"valueString": score}, {"valueCodeableConcept": concept((SNOMED, word))})
    return chart.observation(chart.pick("85319-2", "18474-7"), when, **told, **joined)


def _ish(chart: Chart, when: dict, joined: dict) -> list[dict]:
    """Ratio and copies of every group, one of them alone, intervals, text, or only a word."""
    ratio = chart.pick(2, 2.1, 4.5, 1.99, 1.4, 1.8)
    copies = chart.pick(3.5, 3.99, 4, 5, 5.9, 6, 9)
    match chart.between(0, 9):
        case 0:
            return [_number(chart, "74860-8", when, joined, {"valueQuantity": quantity(copies, "{#}")})]
        case 1:
            return [_number(chart, "49683-6", when, joined, {"valueQuantity": quantity(ratio, "{ratio}")})]
        case 2:
            text = chart.pick("greater than 2.2", "less than 1.8", "> 2.2", "1.5")
            return [_number(chart, chart.pick("85318-4", "49683-6"), when, joined, {"valueString": text})]
        case 3:
            word = chart.pick("LA6576-8", "LA6577-6")
            return [_number(chart, "85318-4", when, joined, {"valueCodeableConcept": concept((LOINC, word))})]
        case 4:
            ends = {"low": quantity(1.8, "{ratio}"), "high": quantity(2.2, "{ratio}")}
            return [_number(chart, "49683-6", when, joined, {"valueRange": ends})]
        case 5:
            parts = {"numerator": {"value": 9}, "denominator": {"value": chart.pick(2, 6)}}
            first = _number(chart, "49683-6", when, joined, {"valueRatio": parts})
            return [first, _number(chart, "74860-8", when, joined, {"valueQuantity": quantity(copies, "{#}")})]
        case 6:
            parts = [
                _part("49683-6", {"valueQuantity": quantity(ratio, "{ratio}")}),
                _part("74860-8", {"valueQuantity": quantity(copies, "{#}")}),
            ]
            return [chart.observation("74885-5", when, component=parts, **joined)]
    first = _number(chart, "49683-6", when, joined, {"valueQuantity": quantity(ratio, "{ratio}")})
    return [first, _number(chart, "74860-8", when, joined, {"valueQuantity": quantity(copies, "{#}")})]


def _number(chart: Chart, code: str, when: dict, joined: dict, told: dict) -> dict:
    return chart.observation(code, when, **told, **joined)


def _part(code: str, told: dict) -> dict:
    return {"code": concept((LOINC, code))} | told


def _overall(chart: Chart, when: dict, joined: dict) -> dict:
    word = chart.pick("10828004", "10828004", "260385009", "42425007")
    return chart.observation("48676-1", when, valueCodeableConcept=concept((SNOMED, word)), **joined)


def _er_and_pr(chart: Chart) -> None:
    if chart.chance(4):
        word = chart.pick("10828004", "260385009")
        _observed(chart, "10480-2", 300, concept((SNOMED, word)))
        return
    for percentage, word_code in (("85329-1", "16112-5"), ("85325-9", "16113-3")):
        for ago in chart.pick((), (300,), (300,), (300,), (300,), (300, 900)) if chart.chance(60) else (300,):
            _receptor(chart, percentage, word_code, ago)


def _receptor(chart: Chart, percentage: str, word_code: str, ago: int) -> None:
    when = {"effectiveDateTime": chart.date(ago)}
    match chart.between(0, 22):
        case 20:
            status = chart.pick("preliminary", "entered-in-error")
            chart.observation(percentage, when, status=status, valueQuantity=percent(chart.pick(0, 90)))
        case 21:
            absent = hl7("data-absent-reason", "not-performed")
            chart.observation(percentage, {"effectiveDateTime": day(ago - 100)}, dataAbsentReason=absent)
        case 22:
            chart.observation(percentage, {}, valueQuantity=percent(chart.pick(0, 90)))

        case 0:
            chart.observation(percentage, when, valueString=chart.pick("< 1 %", "< 10 %", "90%", "90-100 %", "strong"))
        case 1:
            chart.observation(percentage, when, valueQuantity=chart.pick({"value": 80}, percent(140)))
        case 2:
            both = {"effectiveDateTime": day(ago)}
            chart.observation(percentage, both, valueQuantity=percent(chart.pick(0, 40)))
            _observed_on(chart, word_code, both, chart.pick("10828004", "260385009"))
        case 3:
            flag = [hl7("v3-ObservationInterpretation", chart.pick("POS", "NEG"))]
            chart.observation(word_code, when, interpretation=flag)
        case 4 | 5 | 6:
            _observed_on(chart, word_code, when, chart.pick("10828004", "260385009", "260385009"))
        case 7 | 8 | 9:
            chart.observation(percentage, when, valueQuantity=percent(chart.pick(0, 0.5, 1, 2)))
        case 10 | 11 | 12:
            _observed_on(chart, word_code, when, "10828004")
        case _:
            chart.observation(percentage, when, valueQuantity=percent(chart.pick(30, 80, 95, 0)))


def _observed_on(chart: Chart, code: str, when: dict, word: str) -> None:
    chart.observation(code, when, valueCodeableConcept=concept((SNOMED, word)))


def _receptor_diagnoses(chart: Chart) -> None:
    codes = chart.pick(
        ("Z17.0", "Z17.21", "Z17.31"),
        ("Z17.1", "Z17.22", "Z17.32"),
        ("Z17.410",),
        ("Z17.421",),
        ("Z17.1", "Z17.31"),
        (),
    )
    for code in codes:
        chart.condition((ICD, code), onsetDateTime=chart.date(400))
    if chart.chance(20):
        # Only where no laboratory speaks: the page leaves open how old a diagnosis may be that contradicts one.
        chart.condition((SNOMED, "459391000124109"), onsetDateTime=chart.date(200))

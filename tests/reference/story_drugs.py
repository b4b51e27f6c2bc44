"""Made-up treatment: what was taken when, told by any of the four kinds of resource, coded in every way."""

from collections.abc import Callable

from .chart import ATC, ICD, NDC, RXNORM, SNOMED, Chart, concept, day, month, year

_CODES: dict[str, tuple[tuple[str, str], ...]] = {
    "trastuzumab": (
        (RXNORM, "224905"),
        (RXNORM, "1922509"),
        (RXNORM, "2174802"),
        (RXNORM, "2119714"),
        (SNOMED, "387003001"),
    ),
    "pertuzumab": ((RXNORM, "1298944"), (RXNORM, "1298948"), (ATC, "L01FD02")),
    "both antibodies": ((RXNORM, "2382604"),),
    "t-dm1": ((RXNORM, "1371041"), (RXNORM, "1658084"), (SNOMED, "702836004"), (ATC, "L01FD03")),
    "t-dxd": ((RXNORM, "2267582"), (RXNORM, "2267576")),
    "one of the three": ((RXNORM, "1162762"), (RXNORM, "1922508")),
    "docetaxel": ((RXNORM, "72962"), (RXNORM, "1860485"), (SNOMED, "386918005")),
    "paclitaxel": ((RXNORM, "56946"), (RXNORM, "312199"), (RXNORM, "486610"), (ATC, "L01CD01")),
    "capecitabine": ((RXNORM, "200328"), (SNOMED, "386906001")),
    "vinorelbine": ((RXNORM, "39541"),),
    "letrozole": ((RXNORM, "200064"), (SNOMED, "386911004"), (ATC, "L02BG04")),
    "anastrozole": ((RXNORM, "199224"), (RXNORM, "84857")),
    "tamoxifen": ((RXNORM, "198240"), (SNOMED, "373345002")),
    "fulvestrant": ((RXNORM, "727762"),),
    "palbociclib": ((RXNORM, "1601388"), (SNOMED, "715958001"), (ATC, "L01EF01")),
    "ribociclib": ((RXNORM, "1873983"),),
    "abemaciclib": ((RXNORM, "1946842"),),
    "tucatinib": ((RXNORM, "2361290"),),
    "denosumab": ((RXNORM, "993449"),),
    "topical fluorouracil": ((RXNORM, "105583"),),
    "methotrexate": ((RXNORM, "105585"),),
    "megestrol": ((RXNORM, "860221"),),
    "everolimus": ((RXNORM, "845507"),),
}
_PARTS = {
    "both antibodies": ("trastuzumab", "pertuzumab"),
    "one of the three": ("trastuzumab", "t-dm1", "t-dxd"),
}
_LISTED = ("855671", "198202", "308979", "200145", "197517", "197853", "897683", "245134", "198377", "3008")
_TOPICAL = ("106336", "313189")
_OTHERS = ("6809", "29046", "10582", "26225")
_TEXTS = {
    "trastuzumab": "Herceptin 440 mg vial",
    "t-dm1": "Kadcyla 100 mg vial",
    "palbociclib": "Ibrance 125 mg capsule",
    "letrozole": "Letrozole 2.5 mg tablet",
    "docetaxel": "Taxotere infusion",
    "pertuzumab": "Perjeta 420 mg",
}


def treatment(chart: Chart, spread_ago: int | None) -> int | None:
    """The cancer's treatment; the days since an induction began, where there was one."""
    spread = spread_ago or 400
    if not chart.deviates("treatment"):
        return _fitting(chart, spread)
    _adjuvant(chart, spread)
    plan = chart.pick("none", "none", "none", "induced", "induced", "pretreated", "lines")
    if plan == "induced":
        return _induced(chart, spread)
    if plan == "pretreated":
        _pretreated(chart, spread)
    if plan == "lines":
        _lines(chart, spread)
    _extras(chart, spread)
    return None


def suppression(chart: Chart) -> None:
    """A GnRH agonist: a depot of some strength, a running statement, one of unknown strength."""
    code = chart.pick("310592", "310592", "314008", "1115462", "1115472", "905062", "905053", "50610", "42375")
    coding = (RXNORM, code)
    match chart.between(0, 9):
        case 0 | 1:
            _statement(chart, _coded(coding), 300, None)
        case 2:
            _statement(chart, _coded(coding), 300, chart.pick(20, 35, 36, 80, 91, 92, 200))
        case 3:
            _order(chart, _coded(coding), 100, None)
        case 4:
            _dispensed(chart, _coded(coding), chart.pick(10, 35, 36, 60, 91, 92))
        case _:
            _administered(chart, _coded(coding), [chart.pick(5, 20, 35, 36, 50, 91, 92, 175, 176)])


def other_drugs(chart: Chart) -> None:
    """What has nothing to do with the cancer, what the enzymes mind, and what tells nothing."""
    if chart.chance(30):
        _statement(chart, _coded((RXNORM, chart.random.choice(_OTHERS))), 400, None)
    match chart.between(0, 24):
        case 0 | 1 | 2:
            _any_course(
                chart, _coded((RXNORM, chart.random.choice(_LISTED))), 200, chart.pick(None, None, 40), doses=False
            )
        case 3:
            _statement(chart, _coded((RXNORM, chart.random.choice(_TOPICAL))), 200, None)
        case 4:
            _statement(chart, {"medicationCodeableConcept": {"text": "Verapamil 80 mg tablet"}}, 200, None)
        case 5:
            _statement(chart, _coded((RXNORM, "6135")), 60, None, dosage=[_by("6064005")])
        case 6:
            _statement(chart, _telling_nothing(chart), 200, None)
        case 7:
            _statement(chart, {"medicationCodeableConcept": {"text": "Lisinopril 10 mg"}}, 200, None)
        case 8:
            _statement(chart, _coded((RXNORM, "197582")), 100, None)
        case 9:
            _stated(chart, _coded((RXNORM, "245134")), chart.pick("on-hold", "unknown", "not-taken"), 60)


def _adjuvant(chart: Chart, spread: int) -> None:
    """Before the metastasis: antibodies whose last dose lies on either side of six months ago."""
    if chart.chance(60):
        return
    end = chart.pick(spread + 200, spread + 400, spread + 90)
    if spread <= 150 and chart.chance(70):
        end = chart.pick(160, 183, 184, 185, 190)
    drug = chart.pick("trastuzumab", "trastuzumab", "both antibodies", "pertuzumab")
    _course(chart, drug, end + 300, end)
    if chart.chance(50):
        _course(chart, chart.pick("tamoxifen", "letrozole"), end + 200, spread + 30, doses=False)


def _induced(chart: Chart, spread: int) -> int:
    """Chemotherapy and an antibody begun together after the metastasis."""
    begun = max(spread - chart.pick(0, 5, 15), 5)
    _course(chart, chart.pick("docetaxel", "paclitaxel"), begun, max(begun - 120, 2))
    if chart.chance(90):
        drug = chart.pick("trastuzumab", "trastuzumab", "both antibodies", "pertuzumab")
        _course(chart, drug, begun, chart.pick(None, max(begun - 150, 1)))
    return begun


def _fitting(chart: Chart, spread: int) -> int | None:
    """Nothing since the metastasis, or what one of the later trials asks for."""
    match chart.between(0, 3):
        case 0:
            return _induced(chart, spread)
        case 1:
            for name in ("docetaxel", "trastuzumab", "pertuzumab"):
                _statement(chart, _coded(_CODES[name][0]), spread - 1, max(spread - 120, 15))
    return None


def _pretreated(chart: Chart, spread: int) -> None:
    """A taxane and both antibodies, over for some time."""
    end = max(spread - 200, chart.pick(3, 14, 15, 30))
    for drug in ("docetaxel", "trastuzumab", "pertuzumab"):
        if chart.chance(85):
            _course(chart, drug, max(spread - 10, end + 1), end)


def _lines(chart: Chart, spread: int) -> None:
    """Drugs begun one after the other since the metastasis, more than a hundred days apart."""
    begun = spread - 5
    for drug in chart.random.sample(("docetaxel", "capecitabine", "t-dm1", "vinorelbine", "t-dxd", "tucatinib"), 4):
        if begun > 25:
            _course(chart, drug, begun, max(begun - 60, chart.pick(1, 13, 14, 15, 20)))
        begun -= 120


def _extras(chart: Chart, spread: int) -> None:
    match chart.between(0, 39):
        case 0 | 1 | 2:
            drug = chart.pick("palbociclib", "ribociclib", "abemaciclib")
            _course(chart, drug, 300, chart.pick(None, 100, 20), doses=False)
        case 3 | 4:
            _course(chart, "t-dm1", 200, chart.pick(5, 14, 15, 100))
        case 5:
            _course(chart, "one of the three", 200, chart.pick(30, 100))
        case 6 | 7 | 8 | 9:
            _course(
                chart, chart.pick("letrozole", "anastrozole", "fulvestrant"), 100, chart.pick(None, 30), doses=False
            )
        case 10:
            _statement(chart, _drug(chart, "topical fluorouracil"), 60, None)
        case 11:
            reason = chart.pick(
                {}, {"reasonCode": [concept((ICD, "M06.9"))]}, {"reasonCode": [concept((ICD, "C50.911"))]}
            )
            _statement(chart, _coded((RXNORM, "105585")), 200, chart.pick(None, 100), **reason)
        case 12:
            reason = {"reasonCode": [concept((ICD, "N97.9"))]}
            _statement(chart, _coded((RXNORM, "200064")), 30, chart.pick(None, 10), **reason)
        case 13:
            _statement(chart, _drug(chart, chart.pick("megestrol", "everolimus")), 90, chart.pick(None, 40))
        case 14:
            _course(chart, "denosumab", 200, None)
        case 15 | 16 if spread > 28:
            # The page leaves open whether the onset of such a code is the first day of the therapy.
            chart.condition((ICD, "Z79.811"), recordedDate=chart.date(chart.pick(50, 900)))
        case 17 | 18:
            status = chart.pick("not-taken", "intended", "entered-in-error", "unknown")
            _stated(chart, _coded((RXNORM, chart.pick("1371041", "1601374", "72962"))), status, 200)
        case 19 | 20:
            _untaken_order(chart, _coded((RXNORM, chart.pick("1371041", "1601388", "200064"))))
        case 21 | 22:
            _single(chart, chart.pick("letrozole", "capecitabine"), _on_hold)
        case 23 | 24:
            _single(chart, chart.pick("docetaxel", "letrozole", "trastuzumab"), _without_end)
        case 25:
            _single(chart, chart.pick("docetaxel", "trastuzumab", "t-dm1"), _undated)
        case 29 | 30:
            _single(chart, chart.pick("docetaxel", "t-dm1"), _told_twice)
        case 31 | 32:
            _single(chart, chart.pick("docetaxel", "capecitabine", "trastuzumab"), _other_status)
        case 33:
            _again(chart, spread)
        case 26 | 27 | 28:
            _course(chart, chart.pick("paclitaxel", "pertuzumab"), 1800, 1500)


def _single(chart: Chart, name: str, tell: Callable[[Chart, dict], None]) -> None:
    if name not in chart.by_doses:
        tell(chart, _drug(chart, name))


def _other_status(chart: Chart, drug: dict) -> None:
    """Orders and administrations in the rarer states."""
    if chart.chance(50):
        status = chart.pick("unknown", "on-hold", "entered-in-error")
        chart.add("MedicationRequest", status=status, intent="order", authoredOn=chart.date(100), **drug)
    else:
        status = chart.pick("unknown", "stopped", "entered-in-error")
        chart.add("MedicationAdministration", status=status, effectiveDateTime=chart.date(100), **drug)


def _again(chart: Chart, spread: int) -> None:
    """The same drug a second time, within the 90 days or long after them."""
    if "capecitabine" in chart.told | chart.by_doses or spread < 350:
        return
    first_end = spread - 60
    second = first_end - chart.pick(60, 150)
    _statement(chart, _drug(chart, "capecitabine"), spread - 10, first_end)
    _statement(chart, _drug(chart, "capecitabine"), second, second - 30)


def _on_hold(chart: Chart, drug: dict) -> None:
    _stated(chart, drug, "on-hold", 60)


def _drug(chart: Chart, name: str) -> dict:
    """Where a resource tells its drug: a code, a Medication contained or referenced, a text with or without NDC."""
    coding = chart.random.choice(_CODES[name])
    match chart.between(0, 24):
        case 0 | 1:
            medication = {"resourceType": "Medication", "id": "m", "code": concept(coding)}
            return {"medicationReference": {"reference": "#m"}, "contained": [medication]}
        case 2 | 3:
            return {"medicationReference": _apart(chart, {"code": concept(coding)})}
        case 4:
            return {"medicationReference": _apart(chart, {"ingredient": [{"itemCodeableConcept": concept(coding)}]})}
        case 5 if name in _TEXTS:
            return {"medicationCodeableConcept": {"text": _TEXTS[name]}}
        case 6 if name in _TEXTS:
            return {"medicationCodeableConcept": concept((NDC, "50242-134-68"), text=_TEXTS[name])}
        case 7 if coding[0] == RXNORM:
            return {"medicationCodeableConcept": concept((NDC, "50242-134-68"), coding)}
    return _coded(coding)


def _apart(chart: Chart, body: dict) -> dict:
    medication = chart.add("Medication", **body)
    del medication["subject"]
    return chart.reference(medication)


def _coded(coding: tuple[str, str]) -> dict:
    return {"medicationCodeableConcept": concept(coding)}


def _telling_nothing(chart: Chart) -> dict:
    nowhere = {"medicationReference": {"reference": "Medication/lost"}}
    return chart.pick(nowhere, {"medicationCodeableConcept": concept((NDC, "0000-0000-00"))})


def _course(chart: Chart, name: str, start: int, end: int | None, doses: bool = True) -> None:
    """A course of one drug. What administrations tell is told by nothing else: the page has rules for each alone."""
    parts = _PARTS.get(name, (name,))
    if chart.by_doses & set(parts):
        return
    doses = doses and not chart.told & set(parts)
    given = _any_course(chart, _drug(chart, name), start, end, doses)
    (chart.by_doses if given else chart.told).update(parts)


def _told_twice(chart: Chart, drug: dict) -> None:
    """The same dose as an order and as an administration; by code, since a text does not surely name the same drug."""
    ago = chart.pick(5, 15, 60, 300)
    if "coding" not in str(drug) or NDC in str(drug):
        return
    bounds = {"boundsPeriod": {"start": day(ago), "end": day(ago)}}
    order = {"authoredOn": day(ago), "dosageInstruction": [{"timing": {"repeat": bounds}}]}
    chart.add("MedicationRequest", status="completed", intent="order", **order, **drug)
    chart.add("MedicationAdministration", status="completed", effectiveDateTime=day(ago), **drug)


def _any_course(chart: Chart, drug: dict, start: int, end: int | None, doses: bool = True) -> bool:
    """From one day to another (None: still going on), told by some kind of resource; whether by administrations."""
    match chart.between(0, 9):
        case 0 | 1:
            _order(chart, drug, start, end)
        case 2 | 3 | 4 if doses:
            last = chart.pick(1, 10, 14, 15, 30, 42, 43) if end is None else end
            _administered(chart, drug, [last + 21 * n for n in range(4) if last + 21 * n <= max(start, last)])
            return True
        case 5 if end is not None and start >= 70:
            _dispensed(chart, drug, start)
        case _:
            _statement(chart, drug, start, end)
    return False


def _statement(chart: Chart, drug: dict, start: int, end: int | None, **body: object) -> None:
    period = {"start": _start(chart, start)}
    if end is not None:
        period["end"] = chart.date(end)
    # An active record whose end has passed has ended; a completed one is active on its last day.
    status = chart.pick("active", "completed", "stopped") if end is not None else "active"
    chart.add("MedicationStatement", status=status, effectivePeriod=period, **drug, **body)


def _stated(chart: Chart, drug: dict, status: str, start: int) -> None:
    chart.add("MedicationStatement", status=status, effectivePeriod={"start": chart.date(start)}, **drug)


def _without_end(chart: Chart, drug: dict) -> None:
    """Over, and nobody wrote when: at the latest when the record was made."""
    told = chart.pick({"dateAsserted": day(100)}, {"meta": {"lastUpdated": f"{day(200)}T10:00:00Z"}}, {})
    chart.add("MedicationStatement", status="completed", effectiveDateTime=chart.date(500), **told, **drug)


def _undated(chart: Chart, drug: dict) -> None:
    chart.add("MedicationStatement", status=chart.pick("completed", "active"), **drug)


def _order(chart: Chart, drug: dict, start: int, end: int | None) -> None:
    body: dict = {
        "authoredOn": chart.date(start),
        "intent": chart.pick("order", "order", "filler-order", "instance-order"),
    }
    status = "active"
    if end is not None:
        status = chart.pick("active", "completed", "stopped")
        if chart.chance(50):
            body["dosageInstruction"] = _dosages(start, end)
        else:
            body["dispenseRequest"] = {"validityPeriod": {"start": day(start), "end": day(end)}}
    chart.add("MedicationRequest", status=status, **body, **drug)


def _dosages(start: int, end: int) -> list[dict]:
    """A longer course in two steps, the later one told first."""
    half = (start + end) // 2
    steps = [(half - 1, end), (start, half)] if start - end > 60 else [(start, end)]
    return [{"timing": {"repeat": {"boundsPeriod": {"start": day(a), "end": day(b)}}}} for a, b in steps]


def _untaken_order(chart: Chart, drug: dict) -> None:
    body = chart.pick(
        {"status": "active", "intent": "proposal"},
        {"status": "active", "intent": "plan"},
        {"status": "draft", "intent": "order"},
        {"status": "cancelled", "intent": "order"},
        {"status": "active", "intent": "order", "doNotPerform": True},
    )
    chart.add("MedicationRequest", authoredOn=chart.date(100), **body, **drug)


def _administered(chart: Chart, drug: dict, agos: list[int]) -> None:
    for ago in agos:
        when = chart.pick(
            {"effectiveDateTime": chart.date(ago)}, {"effectivePeriod": {"start": day(ago), "end": day(ago)}}
        )
        chart.add("MedicationAdministration", status="completed", **when, **drug)
    if chart.chance(10):
        chart.add("MedicationAdministration", status="not-done", effectiveDateTime=chart.date(2), **drug)


def _dispensed(chart: Chart, drug: dict, ago: int) -> None:
    # The page leaves open until when a supply lasts; the record's own date bounds it.
    meta = {"lastUpdated": f"{day(ago - 5)}T12:00:00Z"}
    chart.add("MedicationDispense", status="completed", whenHandedOver=chart.date(ago), meta=meta, **drug)
    if chart.chance(10):
        chart.add("MedicationDispense", status="declined", whenHandedOver=chart.date(3), **drug)


def _start(chart: Chart, ago: int) -> str:
    if chart.chance(6):
        return chart.pick(month(ago), year(ago))
    return chart.date(ago)


def _by(route: str) -> dict:
    return {"route": concept((SNOMED, route))}

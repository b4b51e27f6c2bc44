"""Hundreds of records of one kind cost each as much as the first ones did, and name the day on which the last of them
ends, whatever the number."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from service.mappers.record import Record
from service.screening import Screening
from tests.builders import (
    AS_OF,
    PATINA,
    SINAI,
    Icd10cm,
    Json,
    Loinc,
    RxNorm,
    Snomed,
    administration,
    ago,
    as_json,
    condition,
    eligible,
    laboratory,
    observation,
    percent,
    procedure,
    specimen,
    statement,
)

TODAY = AS_OF.toordinal()
FEW, MANY = 40, 160
# four times as many, sorted
AT_MOST = 5.5


def of_cancer(on: str | None, n: int) -> Json:
    return condition(Icd10cm.LUNG_CANCER if n % 2 else Icd10cm.METASTASIS_TO_BONE, on)


def her2(n: int, on: str | None, specimen: str | None = None) -> Json:
    score = Snomed.POSITIVE if n % 3 else Snomed.NEGATIVE
    return observation(Loinc.HER2_FISH if n % 2 else Loinc.HER2_IHC, score, on, specimen=specimen)


SHAPES: dict[str, Callable[[int], Json]] = {
    "receptor results, a day each": lambda n: observation(Loinc.ER_PERCENT, percent(n % 3), ago(n)),
    "receptor results of one day, of many specimens, issued one after the other": lambda n: observation(
        Loinc.ER_PERCENT, percent(n % 3), ago(9), specimen=f"s{n % 7}", issued=f"2026-11-12T{n % 24:02}:00:00Z"
    ),
    "HER2 results, a month each": lambda n: her2(n, ago(31 * n)),
    "HER2 results of one day": lambda n: her2(n, ago(9)),
    "HER2 results without a date": lambda n: her2(n, None),
    "HER2 results of many specimens": lambda n: her2(n, ago(9), f"s{n // 2}"),
    "HER2 results of many specimens and of none": lambda n: her2(n, ago(9), f"s{n}" if n % 2 else None),
    "blood counts": lambda n: laboratory(Loinc.ANC, 2.0, "10*3/uL", ago(n)),
    "results without a value": lambda n: observation(Loinc.ANC, None, ago(n)),
    "pregnancy tests": lambda n: observation(
        Loinc.PREGNANCY_TEST_SERUM, Snomed.POSITIVE if n % 2 else Snomed.NEGATIVE, ago(n)
    ),
    "pregnancies": lambda n: condition(Icd10cm.PREGNANT, ago(n)),
    "other cancers and metastases": lambda n: of_cancer(ago(9 * n), n),
    "metastases, and stages without any": lambda n: (
        condition(Icd10cm.METASTASIS_TO_BONE, ago(9 * n))
        if n % 2
        else observation(Loinc.M_CLINICAL, Snomed.M0, ago(9 * n + 2000))
    ),
    "infarctions": lambda n: condition(Icd10cm.INFARCTION, ago(n)),
    "receptors as diagnoses, of one day": lambda n: condition(
        Snomed.HER2_NEGATIVE_BREAST_CANCER if n % 2 else Snomed.HER2_POSITIVE_BREAST_CANCER, ago(9)
    ),
    "receptors as diagnoses, beside results of which the newest does not decide": lambda n: (
        condition(Snomed.ER_POSITIVE_TUMOR, ago(n))
        if n % 2
        else observation(Loinc.ER_INTERPRETATION, Snomed.EQUIVOCAL if n == 2 else Snomed.POSITIVE, ago(n))
    ),
    "encounters for chemotherapy": lambda n: condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, ago(n)),
    "encounters for chemotherapy and its doses": lambda n: (
        condition(Icd10cm.CHEMOTHERAPY_ENCOUNTER, ago(n)) if n % 2 else administration(RxNorm.DOCETAXEL, ago(21 * n))
    ),
    "doses": lambda n: administration(RxNorm.TRASTUZUMAB, ago(n)),
    "courses of one day": lambda n: statement(RxNorm.TRASTUZUMAB, ago(90), ago(60)),
    "depots": lambda n: administration(RxNorm.GOSERELIN, ago(n)),
    "operations": lambda n: procedure(Snomed.BILATERAL_OOPHORECTOMY, ago(n)),
}


def read(screening: Screening, made: Callable[[int], Json], number: int, trial: str = PATINA) -> Record:
    kept = eligible(trial).add(specimen(ago(9), "s1"))
    return screening.read(as_json(kept.add(*(made(n) for n in range(1, number + 1))).bundle()))


def lines_run(screening: Screening, made: Callable[[int], Json], number: int) -> int:
    """How many lines of Python reading and screening take: the same on any machine."""
    count = 0

    def tracer(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return tracer

    outer = sys.gettrace()
    sys.settrace(tracer)
    try:
        screening.screen(read(screening, made, number), TODAY)
    finally:
        sys.settrace(outer)
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_grows_with_the_number_of_records_and_no_faster(screening: Screening, shape: str) -> None:
    made = SHAPES[shape]
    lines_run(screening, made, FEW)  # what is worked out once, is worked out now
    none, few, many = (lines_run(screening, made, number) for number in (0, FEW, MANY))
    assert many - none < AT_MOST * (few - none)


@pytest.mark.parametrize(
    ("criterion", "made", "until"),
    [
        ("cardiac-event", lambda n: condition(Icd10cm.INFARCTION, ago(n % 150)), "2027-05-22"),
        ("pregnancy-lactation", lambda n: condition(Icd10cm.PREGNANT, ago(n % 250)), "2027-09-18"),
        ("other-malignancy", lambda n: condition(Icd10cm.LUNG_CANCER, ago(n % 399)), "2029-11-22"),
    ],
)
def test_a_fail_ends_with_the_last_of_hundreds_of_records(
    screening: Screening, criterion: str, made: Callable[[int], Json], until: str
) -> None:
    result = screening.screen(read(screening, made, 400, SINAI), TODAY)
    found = next(t for t in result.results if t.trial == SINAI)
    told = next(c for c in found.criteria if c.id == criterion)
    assert (told.outcome, told.failure, told.until) == ("fail", "until", until)

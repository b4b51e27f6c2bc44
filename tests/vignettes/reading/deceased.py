"""The dead."""

from tests.builders import SINAI, TRIALS, eligible
from tests.vignettes.vignette import GRADE, Chapter, expect, expect_in

chapter = Chapter()
UNTREATED = eligible(SINAI)
DEAD = expect_in(TRIALS, alive="fail", **{GRADE: "certainly-not"}) | expect(SINAI, anc="absent", consent="absent")
ALIVE = expect_in(TRIALS, alive="absent") | expect(SINAI, anc="pass/recorded")

case = chapter.rule("The dead are certainly-not for every trial, with the one criterion 'alive'")
case("death-boolean-true", UNTREATED.edit("patient", deceasedBoolean=True), DEAD)
case = chapter.rule("For the living that criterion does not appear")
case("death-boolean-false", UNTREATED.edit("patient", deceasedBoolean=False), ALIVE)
case = chapter.rule("A date of death that is not wholly after the as-of date counts")
for when, outcome in (
    ("2026-11-21", DEAD),
    ("2026-11-22", ALIVE),
    ("2026", DEAD),
    ("2026-12", ALIVE),
    ("2026-11-22T01:00:00+09:00", DEAD),
    ("2026-11-21T22:00:00-05:00", ALIVE),
):
    name = when.replace(":", "").replace("+", "plus")
    case(f"death-date-{name}", UNTREATED.edit("patient", deceasedDateTime=when), outcome)

"""A kind of therapy, and which drug records and diagnoses are courses of it."""

from collections.abc import Iterable

import msgspec

from service.criteria import keys
from service.criteria.drugs import Drugs, Nameless, is_local, started
from service.criteria.evaluation import Evaluation
from service.criteria.facts import Exposure, Match
from service.criteria.findings import Evidence, cite
from service.criteria.logic import Basis
from service.criteria.sex import sex
from service.criteria.signs import doubt_of, has, told
from service.criteria.spans import Span


class Therapy(msgspec.Struct, frozen=True):
    """What counts as a kind of anticancer therapy.

    `for_men` counts in men only (GnRH agonists), `other_uses` only where a cancer is the recorded reason: by any route,
    or by the routes given; `everything` are all the drugs. `conditions` say that some of it is active, `nameless` that
    some was given, without a name.
    """

    drugs: Drugs
    for_men: frozenset[str] = frozenset()
    endocrine: frozenset[str] = frozenset()
    other_uses: tuple[tuple[str, frozenset[str]], ...] = ()
    conditions: tuple[str, ...] = ()
    nameless: tuple[Nameless, ...] = ()
    everything: frozenset[str] = frozenset()

    def reads(self) -> frozenset[str]:
        """Everything that tells of the therapy; who the patient is, where that decides what counts."""
        told = keys.together(kind.reads() for kind in self.nameless)
        return keys.drugs(self.everything) | keys.conditions(*self.conditions) | told


class Course(msgspec.Struct, frozen=True):
    """One record of therapy: whether it counts (None: perhaps, with the reason why), and the exposure."""

    exposure: Exposure
    counts: bool | None
    why: str = ""
    basis: Basis = "missing"


def courses(ev: Evaluation, therapy: Therapy) -> list[Course]:
    """Every drug record that is or may be of the therapy."""
    found = []
    for match in ev.record.exposures(therapy.everything):
        if started(ev, match.fact):
            course = _weigh(ev, therapy, match)
            if course.counts is not False:
                found.append(course)
    return found


def _weigh(ev: Evaluation, therapy: Therapy, match: Match[Exposure]) -> Course:
    exposure = match.fact
    names = exposure.ingredients | exposure.possible
    if is_local(exposure):
        return Course(exposure, False)
    if exposure.reason == "other" or (exposure.reason == "fertility" and names & therapy.endocrine):
        return Course(exposure, False)
    if names & therapy.everything <= therapy.for_men and ev.shared(sex)[0] == "woman":
        return Course(exposure, False)
    if match.standing != "sure":
        basis: Basis = "missing" if match.standing == "provisional" else "unusable"
        return Course(exposure, None, match.why or "not certain", basis)
    own = exposure.ingredients & therapy.everything
    if own <= therapy.for_men:
        whose, why = ev.shared(sex)
        return Course(exposure, True if whose == "man" else None, why)
    if exposure.reason != "cancer" and all(_has_other_use(therapy, name, exposure) for name in own):
        return Course(exposure, None, "also used for other diseases, and no reason is recorded")
    if exposure.reason == "unclear" and own <= therapy.endocrine:
        return Course(exposure, None, "its reason is a code that is not known, and may be infertility", "unusable")
    return Course(exposure, True)


def _has_other_use(therapy: Therapy, ingredient: str, exposure: Exposure) -> bool:
    for name, forms in therapy.other_uses:
        if name == ingredient:
            return not forms or exposure.form in forms
    return False


def coded_therapy(ev: Evaluation, therapy: Therapy) -> Iterable[tuple[Evidence, bool | None, Span | None]]:
    """Diagnoses that say the therapy is going on (long-term use of …), and whether they are sure."""
    for match in ev.record.diagnoses(therapy.conditions):
        diagnosis = match.fact
        if diagnosis.verification == "refuted" or not ev.counts(diagnosis.onset):
            continue
        doubt, _basis = doubt_of(match.standing, match.why, diagnosis.verification == "provisional")
        there = has(ev, diagnosis)
        if there is not False:
            sure = True if there and not doubt else None
            yield cite(diagnosis.ref, diagnosis.date, told(diagnosis), bool(sure), doubt), sure, diagnosis.date

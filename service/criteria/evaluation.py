"""One patient judged on one day: the as-of date, what was already found, and when an answer may next change.

Every comparison with the calendar goes through here, so that the evaluation knows the first later day on which one
of its answers could be another with no new data.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec

from service.criteria.facts import PatientRecord
from service.criteria.findings import Finding, Sighting
from service.criteria.logic import Outcome
from service.criteria.spans import FOREVER, LONG_AGO, Span, Window, birthday

T = TypeVar("T")


class Rule(Protocol):
    """Judges a patient; the outcome is from the patient's side."""

    def judge(self, ev: "Evaluation") -> Finding: ...

    def reads(self) -> frozenset[str]:
        """The keys of everything the finding may depend on (see `keys`)."""

    def outcomes(self) -> frozenset[Outcome]:
        """The outcomes that some patient can have."""


@runtime_checkable
class Anchor(Protocol):
    """A rule that may decide before anything else is looked at: the disease that a trial is about."""

    def anchor(self) -> frozenset[str]:
        """The keys of which a record must hold one, or the rule fails whatever else is on record; none where silence
        does not fail."""


class Sign(Protocol):
    """Looks for something in a record."""

    def look(self, ev: "Evaluation") -> Sighting: ...

    def reads(self) -> frozenset[str]:
        """The keys of everything the sighting may depend on."""


class Site(msgspec.Struct, frozen=True):
    """What a site adds: upper limits of normal by input, in the input's unit, used where a result has none; `written`
    is how the site wrote them."""

    upper_limits: dict[str, Decimal] = {}
    written: dict[str, str] = {}


class Evaluation:
    """The questions of all rules about one record as of one day. Not shared between threads.

    An answer is kept with the day on which it may change, which is handed on to whatever asked for it. `find`, `see`
    and `shared` do the same, each written out: no patient is judged without passing here a hundred times.
    """

    __slots__ = ("_held", "_memo", "_next", "_silence", "record", "site", "today")

    def __init__(
        self,
        record: PatientRecord,
        today: int,
        site: Site | None = None,
        silence: Mapping[int, tuple[int, Any]] | None = None,
        held: int = -1,
    ) -> None:
        """`silence` holds what rules and signs answer to an empty record, by identity, with the bits of what they read;
        it is the answer where the record holds none of them."""
        self.record = record
        self.today = today
        self.site = site or _NO_SITE
        self._silence = silence or {}
        self._held = held
        self._memo: dict[Any, tuple[Any, int]] = {}
        self._next = FOREVER

    def find(self, rule: Rule) -> Finding:
        """The finding of a rule, judged once. Equal rules are one object, so its identity is the key."""
        known = self._memo.get(id(rule))
        if known is not None:
            if known[1] < self._next:
                self._next = known[1]
            finding: Finding = known[0]
            return finding
        silence = self._silence.get(id(rule))
        if silence is not None and not silence[0] & self._held:
            finding = silence[1]
            self._memo[id(rule)] = (finding, FOREVER)
            return finding
        outer, self._next = self._next, FOREVER
        finding = rule.judge(self)
        self._memo[id(rule)] = (finding, self._next)
        if outer < self._next:
            self._next = outer
        return finding

    def see(self, sign: Sign) -> Sighting:
        """The sighting of a sign, looked for once."""
        known = self._memo.get(id(sign))
        if known is not None:
            if known[1] < self._next:
                self._next = known[1]
            sighting: Sighting = known[0]
            return sighting
        silence = self._silence.get(id(sign))
        if silence is not None and not silence[0] & self._held:
            sighting = silence[1]
            self._memo[id(sign)] = (sighting, FOREVER)
            return sighting
        outer, self._next = self._next, FOREVER
        sighting = sign.look(self)
        self._memo[id(sign)] = (sighting, self._next)
        if outer < self._next:
            self._next = outer
        return sighting

    def shared(self, work: Callable[..., T], key: Any = None) -> T:
        """A clinical input that several rules need, worked out once. A key, handed on to the work, is an object that
        lives as long as the rules."""
        name = work if key is None else (work, key if key.__class__ is str else id(key))
        known = self._memo.get(name)
        if known is not None:
            if known[1] < self._next:
                self._next = known[1]
            made: T = known[0]
            return made
        outer, self._next = self._next, FOREVER
        made = work(self) if key is None else work(self, key)
        self._memo[name] = (made, self._next)
        if outer < self._next:
            self._next = outer
        return made

    def weigh_each(
        self,
        items: Sequence[T],
        weigh: Callable[[T], None],
        found: Sequence[Any],
        doubtful: Sequence[Any],
        fading: bool = False,
    ) -> None:
        """Weigh records one by one, each of which `weigh` puts on the list of what is found, or of what is in doubt, or
        on neither.

        What is found stays found while the last of its records does, whatever becomes of the others: that day alone is
        handed on, not one for each of hundreds of records. So it is with a doubt where records are `fading`: once
        begun they only grow weaker with time, so that what is in doubt is never found later.
        """
        outer = self._next
        last_found = last_doubt = LONG_AGO
        first_other = FOREVER
        for item in items:
            had_found, had_doubt = len(found), len(doubtful)
            self._next = FOREVER
            weigh(item)
            if len(found) > had_found:
                last_found = max(last_found, self._next)
            elif fading and len(doubtful) > had_doubt:
                last_doubt = max(last_doubt, self._next)
            elif self._next < first_other:
                first_other = self._next
        until = first_other
        if found:
            until = last_found or FOREVER
        elif last_doubt:
            until = min(last_doubt, first_other)
        self._next = min(outer, until)

    def apart(self, work: Callable[..., T], *given: Any) -> tuple[T, int]:
        """What a piece of work gives, and the day on which it may be another: not handed on unless the caller does."""
        outer, self._next = self._next, FOREVER
        made, until = work(*given), self._next
        self._next = outer
        return made, until

    def next_change(self, rule: Rule) -> int:
        """The first later day on which the finding of a judged rule may be another; FOREVER where none."""
        return self._memo[id(rule)][1]

    def may_change_on(self, day: int) -> None:
        """An answer in the making holds through the day before."""
        if self.today < day < self._next:
            self._next = day

    # -- the calendar

    def counts(self, span: Span | None) -> bool:
        """Whether something of that date has happened; the undated has."""
        if span is None or span.first <= self.today:
            return True
        self.may_change_on(span.first)
        return False

    def within(self, span: Span | None, window: Window) -> bool | None:
        """Whether it lies in the window before the as-of date, that day included; None where the date does not tell."""
        if span is None:
            return None
        today, last = self.today, span.last
        if window.unit == "days" and span.first == last <= today:  # the usual case, kept short
            end = last + window.number
            if today > end:
                return False
            if end < self._next:
                self._next = end + 1
            return True
        end = FOREVER if last == FOREVER else window.reach(last)
        if today > end:
            return False
        first_end = LONG_AGO if span.first == LONG_AGO else window.reach(span.first)
        if today <= first_end:
            self.may_change_on(first_end + 1)
            return True
        self.may_change_on(end + 1)
        return None

    def lasted(self, since: Span, window: Window) -> bool | None:
        """Whether what began then has gone on for the window at least; None where the date does not tell."""
        last = min(since.last, self.today)
        if self.today >= window.reached(last):
            return True
        self.may_change_on(window.reached(last))
        first = LONG_AGO if since.first == LONG_AGO else window.reached(since.first)
        if self.today >= first:
            return None
        self.may_change_on(first)
        return False

    def is_past(self, span: Span) -> bool | None:
        """Whether a date lies wholly before the as-of date."""
        if span.last < self.today:
            return True
        if span.first >= self.today:
            self.may_change_on(span.first + 1)
            return False
        self.may_change_on(span.last + 1)
        return None

    def has_come(self, span: Span) -> bool | None:
        """Whether a date is certainly on or before the as-of date."""
        if span.last <= self.today:
            return True
        if span.first > self.today:
            self.may_change_on(span.first)
            return False
        self.may_change_on(span.last)
        return None

    def aged(self, years: int) -> bool | None:
        """Whether the patient has turned `years`; None without a birth date that tells."""
        birth = self.record.person.birth
        if birth is None:
            return None
        earliest, latest = birthday(birth.first, years), birthday(birth.last, years)
        if self.today >= latest:
            return True
        if self.today < earliest:
            self.may_change_on(earliest)
            return False
        self.may_change_on(latest)
        return None


_NO_SITE = Site()

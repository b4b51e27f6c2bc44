"""Windows counted back from the as-of date, ages, and dates that are known in part: both sides of every boundary."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria import spans
from service.criteria.evaluation import Evaluation
from service.criteria.facts import PatientRecord, Person
from service.criteria.spans import FOREVER, LONG_AGO, Span, Window, add_months, birthday, iso, of_days, up_to
from service.mappers.dates import Calendar

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=300)
DAYS = st.integers(date(1990, 1, 1).toordinal(), date(2035, 12, 31).toordinal())
WINDOWS = st.builds(Window, st.integers(1, 40), st.sampled_from(("days", "weeks", "months", "years")))
read = Calendar().read


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def span(text: str) -> Span:
    found = read(text)
    assert found is not None
    return found


def asked_on(today: str, person: Person | None = None) -> Evaluation:
    class Nothing:
        pass

    record = Nothing()
    record.person = person or Person("Patient/p1")  # type: ignore[attr-defined]
    made: PatientRecord = record  # type: ignore[assignment]  # only the person is looked at
    return Evaluation(made, day(today))


# ---- windows ----

# as of a day, the window, the first day inside it
FIRST_DAY_INSIDE = [
    ("2026-11-21", "28 days", "2026-10-24"),
    ("2026-11-21", "7 days", "2026-11-14"),
    ("2026-11-21", "2 weeks", "2026-11-07"),
    ("2026-03-01", "1 days", "2026-02-28"),
    ("2024-03-01", "1 days", "2024-02-29"),
    ("2026-11-21", "6 months", "2026-05-21"),
    ("2026-11-21", "3 months", "2026-08-21"),
    ("2026-08-31", "6 months", "2026-02-28"),
    ("2024-08-31", "6 months", "2024-02-29"),
    ("2026-08-29", "6 months", "2026-02-28"),
    ("2026-08-28", "6 months", "2026-02-28"),
    ("2026-05-31", "3 months", "2026-02-28"),
    ("2026-03-31", "1 months", "2026-02-28"),
    ("2026-12-31", "1 months", "2026-11-30"),
    ("2026-02-28", "6 months", "2025-08-28"),
    ("2026-01-15", "1 months", "2025-12-15"),
    ("2026-11-21", "3 years", "2023-11-21"),
    ("2024-02-29", "1 years", "2023-02-28"),
    ("2024-02-29", "4 years", "2020-02-29"),
    ("2025-02-28", "1 years", "2024-02-28"),
    ("2025-03-01", "1 years", "2024-03-01"),
]


@pytest.mark.parametrize(("today", "length", "first"), FIRST_DAY_INSIDE)
def test_a_window_begins_on_the_day_counted_back(today: str, length: str, first: str) -> None:
    number, unit = length.split()
    window = Window(int(number), unit)
    before = iso(day(first) - 1)
    assert asked_on(today).within(span(first), window) is True
    assert asked_on(today).within(span(before), window) is False
    assert asked_on(today).within(span(today), window) is True


def _counted_back(today: int, window: Window) -> int:
    """The window's first day, by counting on a calendar."""
    if window.unit in ("days", "weeks"):
        return today - window.number * (7 if window.unit == "weeks" else 1)
    d = date.fromordinal(today)
    months = d.year * 12 + d.month - 1 - window.number * (12 if window.unit == "years" else 1)
    for missing in range(4):
        try:
            return date(months // 12, months % 12 + 1, d.day - missing).toordinal()
        except ValueError:
            continue
    raise AssertionError("every month has a day 28")


@REPEATABLE
@given(DAYS, WINDOWS, st.integers(-4, 4))
def test_reach_and_within_agree_with_counting_back_from_the_as_of_date(event: int, window: Window, off: int) -> None:
    last_inside = window.reach(event)
    assert _counted_back(last_inside, window) <= event
    assert _counted_back(last_inside + 1, window) > event
    today = last_inside + off
    if today >= event:
        inside = asked_on(iso(today)).within(of_days(event, event, iso(event)), window)
        assert inside is (_counted_back(today, window) <= event)


@REPEATABLE
@given(DAYS, WINDOWS)
def test_reached_is_the_first_day_on_which_an_event_is_that_long_ago(event: int, window: Window) -> None:
    first = window.reached(event)
    assert _counted_back(first, window) >= event
    assert _counted_back(first - 1, window) < event
    assert window.reach(event) in (first - 1, *range(first, first + 4))


def test_a_window_reads_as_it_is_said() -> None:
    assert str(Window(1, "months")) == "1 month"
    assert str(Window(28, "days")) == "28 days"


# ---- dates known in part ----


@pytest.mark.parametrize(
    ("when", "today", "length", "expected"),
    [
        ("2026-11", "2026-11-21", 28, True),
        ("2026-10", "2026-11-21", 28, None),
        ("2026-10", "2026-10-28", 28, True),
        ("2026-10", "2026-10-29", 28, True),
        ("2026-10", "2026-10-30", 28, None),
        ("2026-10", "2026-11-28", 28, None),
        ("2026-10", "2026-11-29", 28, False),
        ("2026", "2026-01-20", 28, True),
        ("2026", "2026-11-21", 28, None),
        ("2025", "2026-01-28", 28, None),
        ("2025", "2026-01-29", 28, False),
    ],
)
def test_a_partial_date_is_inside_a_window_only_as_a_whole(
    when: str, today: str, length: int, expected: bool | None
) -> None:
    assert asked_on(today).within(span(when), Window(length, "days")) is expected


def test_a_partial_date_is_cut_at_the_as_of_date() -> None:
    # 2026-12 is to come: of 2026 only what is over can be meant
    assert asked_on("2026-11-21").within(span("2026"), Window(11, "months")) is True
    assert asked_on("2026-12-02").within(span("2026"), Window(11, "months")) is None


def test_a_date_that_means_then_or_earlier_is_never_certainly_inside_a_window() -> None:
    recorded = up_to(span("2026-11-20"))
    assert recorded.open_start
    assert recorded.text == "2026-11-20"
    assert asked_on("2026-11-21").within(recorded, Window(28, "days")) is None
    assert asked_on("2026-12-18").within(recorded, Window(28, "days")) is None
    assert asked_on("2026-12-19").within(recorded, Window(28, "days")) is False


def test_an_undated_event_counts_and_lies_in_no_window_for_certain() -> None:
    asked = asked_on("2026-11-21")
    assert asked.counts(None) is True
    assert asked.within(None, Window(28, "days")) is None


@pytest.mark.parametrize(
    ("when", "counts", "past", "come"),
    [
        ("2026-11-20", True, True, True),
        ("2026-11-21", True, False, True),
        ("2026-11-22", False, False, False),
        ("2026-11-21T23:59:59Z", True, False, True),
        ("2026-10", True, True, True),
        ("2026-11", True, None, None),
        ("2026-12", False, False, False),
        ("2025", True, True, True),
        ("2026", True, None, None),
        ("2027", False, False, False),
    ],
)
def test_the_as_of_date_is_the_whole_of_its_day(when: str, counts: bool, past: bool | None, come: bool | None) -> None:
    asked = asked_on("2026-11-21")
    assert asked.counts(span(when)) is counts
    assert asked.is_past(span(when)) is past
    assert asked.has_come(span(when)) is come


# ---- which was earlier ----


@pytest.mark.parametrize(
    ("one", "other", "earlier"),
    [
        ("2026-11-20", "2026-11-21", True),
        ("2026-11-21", "2026-11-21", False),
        ("2026-11-21", "2026-11-20", False),
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:01Z", True),
        ("2026-11-21T08:00:00.1Z", "2026-11-21T08:00:00.2Z", True),
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00Z", False),
        ("2026-11-21T08:00:00+01:00", "2026-11-21T07:30:00Z", True),
        ("2026-11-21", "2026-11-21T08:00:00Z", False),
        ("2026-11-21T08:00:00Z", "2026-11-21", False),
        ("2026-11-20T23:59:59Z", "2026-11-21", True),
        ("2026-11-20", "2026-11-21T00:00:00Z", True),
        ("2026-10", "2026-11-01", True),
        ("2026-11", "2026-11-30", False),
        ("2026-11-01", "2026-11", False),
        ("2025", "2026", True),
        ("2026", "2026-11", False),
    ],
)
def test_one_date_is_certainly_before_another_only_where_they_do_not_overlap(
    one: str, other: str, earlier: bool
) -> None:
    assert span(one).before(span(other)) is earlier


@REPEATABLE
@given(DAYS, DAYS, st.integers(0, 40), st.integers(0, 40))
def test_before_holds_for_every_day_of_both_spans(one: int, other: int, long: int, also_long: int) -> None:
    left, right = of_days(one, one + long, "left"), of_days(other, other + also_long, "right")
    assert left.before(right) is (one + long < other)
    assert not (left.before(right) and right.before(left))


def test_a_date_that_means_then_or_earlier_is_before_what_comes_after_it_and_never_after() -> None:
    recorded = up_to(span("2026-05-10"))
    assert recorded.before(span("2026-05-11"))
    assert not span("2020-01-01").before(recorded)


# ---- months, years, birthdays ----


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-02-28", 1, "2026-03-28"),
        ("2026-03-31", -1, "2026-02-28"),
        ("2026-11-30", 3, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-15", -1, "2025-12-15"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2026-05-05", 0, "2026-05-05"),
    ],
)
def test_a_day_that_a_month_lacks_is_its_last(start: str, months: int, expected: str) -> None:
    assert iso(add_months(day(start), months)) == expected


def test_months_beyond_the_calendar_are_long_ago_or_never() -> None:
    assert add_months(day("2026-11-21"), -12 * 3000) == LONG_AGO
    assert add_months(day("2026-11-21"), 12 * 9000) == FOREVER
    assert birthday(day("2026-11-21"), 9000) == FOREVER
    assert birthday(day("2026-11-21"), -3000) == LONG_AGO


@pytest.mark.parametrize(
    ("born", "years", "expected"),
    [
        ("2008-11-21", 18, "2026-11-21"),
        ("2008-02-29", 18, "2026-03-01"),
        ("2008-02-29", 20, "2028-02-29"),
        ("2008-02-28", 18, "2026-02-28"),
    ],
)
def test_a_birthday_on_29_february_is_1_march_in_common_years(born: str, years: int, expected: str) -> None:
    assert iso(birthday(day(born), years)) == expected


@pytest.mark.parametrize(
    ("born", "today", "adult"),
    [
        ("2008-11-21", "2026-11-21", True),
        ("2008-11-22", "2026-11-21", False),
        ("2008-02-29", "2026-02-28", False),
        ("2008-02-29", "2026-03-01", True),
        ("2008-02-29", "2028-02-29", True),
        ("2008-11", "2026-10-31", False),
        ("2008-11", "2026-11-01", None),
        ("2008-11", "2026-11-29", None),
        ("2008-11", "2026-11-30", True),
        ("2008", "2025-12-31", False),
        ("2008", "2026-11-21", None),
        ("2008", "2026-12-31", True),
    ],
)
def test_an_age_is_reached_on_the_birthday_and_not_told_by_half_a_birth_date(
    born: str, today: str, adult: bool | None
) -> None:
    assert asked_on(today, Person("Patient/p1", birth=span(born))).aged(18) is adult


def test_without_a_birth_date_no_age_is_told() -> None:
    assert asked_on("2026-11-21").aged(18) is None


# ---- when an answer may change ----


class Asks:
    """A rule that asks one question of the calendar."""

    def __init__(self, when: Span, window: Window) -> None:
        self.when, self.window = when, window

    def judge(self, ev: Evaluation) -> bool | None:
        return ev.within(self.when, self.window)


@REPEATABLE
@given(DAYS, st.integers(0, 400), WINDOWS, st.integers(-30, 500))
def test_an_answer_holds_until_the_day_it_is_said_to_change(event: int, length: int, window: Window, off: int) -> None:
    when = of_days(event, event + length, "some day")
    today = event + off
    if today < event:
        return
    asked = asked_on(iso(today))
    rule = Asks(when, window)
    answer = asked.find(rule)  # type: ignore[arg-type]
    until = min(asked.next_change(rule), today + 600)  # type: ignore[arg-type]
    for later in {today + 1, (today + until) // 2, until - 1}:
        if today < later < until:
            assert asked_on(iso(later)).within(when, window) is answer


def test_a_span_of_days_covers_the_whole_of_its_last_day() -> None:
    two = of_days(day("2026-11-20"), day("2026-11-21"), "two days")
    assert two.end - two.start == 2 * spans.DAY_SECONDS - 1
    assert timedelta(seconds=two.end - two.start + 1) == timedelta(days=2)

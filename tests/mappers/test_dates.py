"""FHIR date, dateTime and instant as days in the configured time zone, and what is no date."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.criteria.spans import DAY_SECONDS, FOREVER, LONG_AGO, Span, iso
from service.mappers import wire
from service.mappers.dates import Calendar, at_age, at_ages, between

REPEATABLE = settings(derandomize=True, deadline=None, database=None, max_examples=200)
CALENDAR = Calendar()


def days(found: Span | None) -> tuple[str, str] | None:
    return None if found is None else (iso(found.first), iso(found.last))


def span(text: str) -> Span:
    found = CALENDAR.read(text)
    assert found is not None
    return found


def age(value: str, **unit: str) -> wire.Quantity:
    return wire.Quantity(value=msgspec.Raw(value.encode()), **unit)


# ---- date ----


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-05-17", "2026-05-17", "2026-05-17"),
        ("2026-05", "2026-05-01", "2026-05-31"),
        ("2026-04", "2026-04-01", "2026-04-30"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2100-02", "2100-02-01", "2100-02-28"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("2026", "2026-01-01", "2026-12-31"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2026-12-31", "2026-12-31", "2026-12-31"),
        ("0001-01-01", "0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        (" 2026-05-17 ", "2026-05-17", "2026-05-17"),
    ],
)
def test_a_date_is_the_days_it_may_be_and_shown_as_written(text: str, first: str, last: str) -> None:
    found = span(text)
    assert days(found) == (first, last)
    assert found.text == text.strip()


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
def test_a_plain_date_is_that_day_as_written_in_every_zone(zone: str) -> None:
    assert Calendar(ZoneInfo(zone)).read("2026-05-17") == CALENDAR.read("2026-05-17")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "26", "202", "02026", "2026-5", "2026-5-7", "2026-05-7", "2026-13", "2026-00", "2026-05-00"),
        *("2026-02-29", "2026-02-30", "2026-04-31", "2026-05-32", "2100-02-29", "0000", "2026-", "2026-05-"),
        *("20260517", "2026/05/17", "17.05.2026", "05/17/2026", "2026-W20", "2026-137", "2026-05-17Z"),
        *("٢٠٢٦", "2026-٠٥", "2026-05-१७", "２０２６-05-17"),
        *("-2026", "+2026", "2026-05-17 to 2026-05-18", "May 2026", "unknown", "today", "2026-05-17T"),
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert CALENDAR.read(text) is None


def test_no_text_is_no_date() -> None:
    assert CALENDAR.read(None) is None


# ---- dateTime and instant ----


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-05-17T10:30:00Z", "UTC", "2026-05-17"),
        ("2026-05-17T10:30:00z", "UTC", "2026-05-17"),
        ("2026-05-17T10:30:00.123456Z", "UTC", "2026-05-17"),
        ("2026-05-17T10:30Z", "UTC", "2026-05-17"),
        ("2026-05-17T00:00:00Z", "UTC", "2026-05-17"),
        ("2026-05-17T23:59:59Z", "UTC", "2026-05-17"),
        ("2026-05-17T23:59:59.999Z", "UTC", "2026-05-17"),
        ("2026-05-17T23:59:59-00:00", "UTC", "2026-05-17"),
        ("2026-05-17T23:30:00-05:00", "UTC", "2026-05-18"),
        ("2026-05-17T23:30:00-0500", "UTC", "2026-05-18"),
        ("2026-05-17T18:59:59-05:00", "UTC", "2026-05-17"),
        ("2026-05-17T19:00:00-05:00", "UTC", "2026-05-18"),
        ("2026-05-17T00:30:00+02:00", "UTC", "2026-05-16"),
        ("2026-05-17T01:59:59+02:00", "UTC", "2026-05-16"),
        ("2026-05-17T02:00:00+02:00", "UTC", "2026-05-17"),
        ("2026-05-17T00:00:00+14:00", "UTC", "2026-05-16"),
        ("2026-05-17T23:59:59-14:00", "UTC", "2026-05-18"),
        ("2026-05-17T05:00:00+05:30", "UTC", "2026-05-16"),
        ("2026-05-17T05:30:00+05:30", "UTC", "2026-05-17"),
        ("2026-12-31T23:30:00-01:00", "UTC", "2027-01-01"),
        ("2024-02-28T23:30:00-01:00", "UTC", "2024-02-29"),
        ("2026-05-17T22:00:00Z", "Europe/Berlin", "2026-05-18"),
        ("2026-05-17T21:59:59Z", "Europe/Berlin", "2026-05-17"),
        ("2026-01-17T22:59:59Z", "Europe/Berlin", "2026-01-17"),
        ("2026-01-17T23:00:00Z", "Europe/Berlin", "2026-01-18"),
        ("2026-05-18T03:59:59Z", "America/New_York", "2026-05-17"),
        ("2026-05-18T04:00:00Z", "America/New_York", "2026-05-18"),
        ("2026-05-17T12:00:00Z", "Pacific/Auckland", "2026-05-18"),
        ("2026-05-17T23:30:00-05:00", "America/New_York", "2026-05-18"),
    ],
)
def test_a_time_with_an_offset_falls_on_its_day_in_the_zone(text: str, zone: str, expected: str) -> None:
    found = Calendar(ZoneInfo(zone)).read(text)
    assert days(found) == (expected, expected)
    assert found is not None
    assert found.text == expected


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
def test_a_time_without_an_offset_is_the_zones_own(zone: str) -> None:
    found = Calendar(ZoneInfo(zone)).read("2026-05-17T23:59:59")
    assert days(found) == ("2026-05-17", "2026-05-17")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-05-17T24:00:00Z", "2026-05-17T25:00:00Z", "2026-05-17T10:60:00Z", "2026-05-17T10:30:61Z"),
        *("2026-05-17T10", "2026-05-17T10Z", "2026-05-17T1:30:00Z", "2026-05-17T10:30:00.Z", "2026-05T10:30:00Z"),
        *("2026-02-29T10:30:00Z", "2026-05-17T10:30:00+2:00", "2026-05-17T10:30:00+02", "2026-05-17T10:30:00CET"),
        *("T10:30:00Z", "10:30:00", "2026-05-17T10:30:00ZZ", "0001-01-01T00:00:00+12:00"),
        *("9999-12-31T23:59:59-12:00", "2026-05-17T10:30:00+14:01", "2026-05-17T10:30:00-14:01"),
        *("2026-05-17T10:30:00+15:00", "2026-05-17T10:30:00-99:00", "2026-05-17T10:30:00+0060"),
        *("2026-05-17T10:30:00+05:60", "٢٠٢٦-05-17T10:30:00Z", "2026-05-17T1٠:30:00Z", "2026-05-17T10:30:00+٠٢:00"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert CALENDAR.read(text) is None


def test_a_leap_second_is_the_last_of_its_day() -> None:
    assert days(CALENDAR.read("2016-12-31T23:59:60Z")) == ("2016-12-31", "2016-12-31")


def test_one_moment_in_several_offsets_is_one_time() -> None:
    same = [span(t) for t in ("2026-05-17T10:30:00Z", "2026-05-17T12:30:00+02:00", "2026-05-17T05:30:00-05:00")]
    assert len({(found.first, found.start, found.end) for found in same}) == 1


def test_a_time_without_seconds_is_the_whole_minute() -> None:
    minute, inside, after = (span(f"2026-05-17T10:{rest}Z") for rest in ("30", "30:59", "31:00"))
    assert not minute.before(inside)
    assert minute.before(after)


@REPEATABLE
@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - as hypothesis asks
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")),
)
def test_a_moment_is_the_same_however_its_offset_is_written(moment: datetime, minutes: int, zone: str) -> None:
    whole = moment.replace(microsecond=0)
    written = whole.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    found = Calendar(ZoneInfo(zone)).read(written)
    local = whole.astimezone(ZoneInfo(zone))
    assert found is not None
    assert days(found) == (local.date().isoformat(),) * 2
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    assert found.start == found.end == found.first * DAY_SECONDS + seconds


@REPEATABLE
@given(st.text(max_size=30))
def test_any_text_is_a_span_of_days_or_none(text: str) -> None:
    found = CALENDAR.read(text)
    assert found is None or LONG_AGO < found.first <= found.last < FOREVER


# ---- Period, Range of ages ----


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-05-17", "2026-06-01", ("2026-05-17", "2026-06-01")),
        ("2026-05", "2026-06", ("2026-05-01", "2026-06-30")),
        ("2026-05-17", "2026-05-17", ("2026-05-17", "2026-05-17")),
        ("2026-05-17", "2026-05-16", None),
    ],
)
def test_some_moment_between_two_dates(start: str, end: str, expected: tuple[str, str] | None) -> None:
    assert days(between(span(start), span(end))) == expected


def test_an_open_end_of_a_period_is_open() -> None:
    assert between(None, None) is None
    begun, over = between(span("2026-05-17"), None), between(None, span("2026-05-17"))
    assert begun is not None
    assert over is not None
    assert (iso(begun.first), begun.last, begun.end) == ("2026-05-17", FOREVER, float("inf"))
    assert (over.first, iso(over.last), over.start) == (LONG_AGO, "2026-05-17", float("-inf"))


@pytest.mark.parametrize(
    ("born", "value", "unit", "expected"),
    [
        ("1960-03-05", "50", {"code": "a"}, ("2010-03-05", "2011-03-04")),
        ("1960-03-05", "50", {"unit": "years"}, ("2010-03-05", "2011-03-04")),
        ("1960-03-05", "50", {}, ("2010-03-05", "2011-03-04")),
        ("1960-03-05", "50.0", {"code": "a"}, ("2010-03-05", "2011-03-04")),
        ("1960-03-05", "6", {"code": "mo"}, ("1960-09-05", "1960-10-04")),
        ("1960-03-05", "3", {"code": "wk"}, ("1960-03-26", "1960-04-01")),
        ("1960-03-05", "10", {"code": "d"}, ("1960-03-15", "1960-03-15")),
        ("1960-02-29", "50", {"code": "a"}, ("2010-03-01", "2011-02-28")),
        ("1960", "50", {"code": "a"}, ("2010-01-01", "2011-12-30")),
    ],
)
def test_an_age_counts_from_the_birth_date_and_lasts_its_unit(
    born: str, value: str, unit: dict[str, str], expected: tuple[str, str]
) -> None:
    assert days(at_age(span(born), age(value, **unit))) == expected


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("62", {"code": "a", "unit": "years"}, "at age 62"),
        ("62.5", {}, "at age 62.5"),
        ("746", {"code": "mo"}, "at age 746 months"),
        ("1", {"unit": "month"}, "at age 1 month"),
        ("3", {"code": "wk"}, "at age 3 weeks"),
        ("10", {"code": "d"}, "at age 10 days"),
    ],
)
def test_an_age_is_shown_with_its_unit_unless_it_is_years(value: str, unit: dict[str, str], text: str) -> None:
    told = at_age(span("1960-03-05"), age(value, **unit))
    assert told is not None
    assert told.text == text


@pytest.mark.parametrize(
    ("comparator", "value", "first", "last"),
    [
        ("<", "50", None, "2010-03-04"),
        ("<=", "50", None, "2011-03-04"),
        ("<", "50.5", None, "2011-03-04"),
        (">", "50", "2010-03-05", None),
        (">=", "50", "2010-03-05", None),
    ],
)
def test_an_age_with_a_comparator_is_open_at_that_end(
    comparator: str, value: str, first: str | None, last: str | None
) -> None:
    told = at_age(span("1960-03-05"), age(value, code="a", comparator=comparator))
    assert told is not None
    assert told.text == f"at age {comparator}{value}"
    assert told.first == (span(first).first if first else LONG_AGO)
    assert told.last == (span(last).last if last else FOREVER)


def test_an_age_with_a_comparator_that_is_not_known_is_no_date() -> None:
    assert at_age(span("1960-03-05"), age("50", code="a", comparator="ad")) is None


def test_between_two_ages_lies_everything_from_the_first_to_the_end_of_the_second() -> None:
    born, fifty, later = span("1960-03-05"), age("50", code="a"), age("52", code="a")
    assert days(at_ages(born, wire.Range(fifty, later))) == ("2010-03-05", "2013-03-04")
    assert at_ages(born, wire.Range(later, fifty)) is None
    assert at_ages(born, wire.Range(fifty, age("52", code="furlong"))) is None
    assert at_ages(born, wire.Range()) is None


def test_a_range_of_ages_with_one_end_is_open_at_the_other() -> None:
    born = span("1960-03-05")
    since, until = (
        at_ages(born, wire.Range(low=age("50", code="a"))),
        at_ages(born, wire.Range(high=age("52", code="a"))),
    )
    assert since is not None
    assert (since.first, since.last) == (span("2010-03-05").first, FOREVER)
    assert until is not None
    assert (until.open_start, until.last) == (True, span("2013-03-04").last)


@pytest.mark.parametrize(
    ("value", "unit"),
    [("50", "furlong"), ("-1", "a"), ("1e9", "a"), ("null", "a"), ('"50"', "a"), ("", "a")],
)
def test_an_age_that_does_not_tell_is_none(value: str, unit: str) -> None:
    assert at_age(span("1960-03-05"), age(value, code=unit)) is None


def test_without_a_birth_date_or_an_age_there_is_no_date() -> None:
    assert at_age(None, age("50", code="a")) is None
    assert at_age(span("1960-03-05"), None) is None


def test_today_is_the_day_in_the_zone() -> None:
    early, late = Calendar(ZoneInfo("Etc/GMT+12")).today(), Calendar(ZoneInfo("Etc/GMT-14")).today()
    assert 1 <= late - early <= 2
    assert date.fromordinal(early) >= date(2026, 1, 1)

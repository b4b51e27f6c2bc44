"""What a section of the measurements returns, and how it is printed."""

from typing import NamedTuple


class Size(NamedTuple):
    """How much to measure: rounds of each measurement, runs within a round, patients streamed."""

    rounds: int = 15
    runs: int = 20
    patients: int = 20_000


class Row(NamedTuple):
    """One measurement: its name, the value with its unit, and what it should be at most or at least."""

    name: str
    value: str
    wanted: str = ""


def printed(title: str, rows: list[Row]) -> str:
    """A section for a terminal: columns as wide as their longest text."""
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {row.name:<{widths[0]}}  {row.value:>{widths[1]}}  {row.wanted}".rstrip() for row in rows]
    return "\n".join([title, *lines])

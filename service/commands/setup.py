"""What commands share: an installation from the settings, the trials that were asked for, a day as an option."""

import difflib
import re
from datetime import date
from typing import Any

import click

from service.criteria.catalogue import Trials
from service.screening import Screening
from service.screening import installed as screening_of

__all__ = ["Day", "chosen_trials", "screening_of"]


def chosen_trials(screening: Screening, identifiers: tuple[str, ...]) -> Trials:
    """The trials asked for; those in use where none was named."""
    try:
        found = screening.wanted(identifiers)
    except KeyError as missing:
        known = [trial.id for trial in screening.trials.trials]
        close = difflib.get_close_matches(str(missing.args[0]), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
        raise click.UsageError(f"no trial called {missing.args[0]}{hint}") from None
    if not found.trials:
        raise click.UsageError(
            "no trial is active and in effect; name one with --trial, or see `trialhook trials list`"
        )
    return found


class Day(click.ParamType[date]):
    """A date as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-11-21", param, ctx)

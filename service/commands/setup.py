"""What every command needs first: an installation from the settings, and the trials that were asked for."""

import difflib

import click

from service.criteria.catalogue import Trials
from service.screening import Screening
from service.settings import Settings


def screening_of(settings: Settings) -> Screening:
    return Screening(settings.trials, settings.value_sets, settings.timezone, settings.uln)


def chosen_trials(screening: Screening, identifiers: tuple[str, ...]) -> Trials:
    """The trials asked for; all where none was named."""
    try:
        return screening.trials.chosen(identifiers)
    except KeyError as missing:
        known = [trial.id for trial in screening.trials.trials]
        close = difflib.get_close_matches(str(missing.args[0]), known, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
        raise click.UsageError(f"no trial called {missing.args[0]}{hint}") from None

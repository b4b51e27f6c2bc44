"""`trialhook feedback`: how often each trial's card was shown, followed or dismissed, and why."""

import click

from service import settings
from service.commands.setup import Day
from service.store import Store, TrialFeedback


@click.command("feedback")
@click.option("--since", type=Day(), help="The first day that counts.")
@click.option("--until", type=Day(), help="The last day that counts.")
def command(since: object, until: object) -> int:
    """What became of the cards: one line a trial."""
    store = Store(settings.load().database_url)
    store.migrate()
    found = store.feedback_summary(str(since or ""), str(until or ""))
    if not found:
        click.echo("no card was shown and no feedback came in this time", err=True)
    for trial in found:
        click.echo(_line(trial))
    return 0


def _line(trial: TrialFeedback) -> str:
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(trial.reasons.items(), key=lambda r: -r[1]))
    told = f" ({reasons})" if reasons else ""
    name = trial.trial or "other cards"
    return f"{name}  shown {trial.shown}, accepted {trial.accepted}, overridden {trial.overridden}{told}"

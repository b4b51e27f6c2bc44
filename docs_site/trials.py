"""A page a trial, built-in and example, with its criteria and cases; and the list of them."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from docs_site.markdown import code, page, table
from service.cases.casefile import Case, read_cases
from service.cases.run import CASES, names_of
from service.criteria.catalogue import Trial
from service.render.markdown import escaped
from service.screening import Screening
from service.sharing.page import trial_page

_WIDE = "---\nhide: [toc]\n---\n\n"  # its tables need the room
EXAMPLES = Path(str(files("service.criteria") / "examples"))


class Shown(msgspec.Struct, frozen=True):
    """A trial and the cases beside it."""

    trial: Trial
    cases: tuple[Case, ...]

    @property
    def page(self) -> str:
        return f"trials/{self.trial.id}.md"


def shown_trials() -> list[Shown]:
    """The built-in trials, then the examples."""
    screening = Screening(trial_folders=[EXAMPLES])
    names = names_of(screening)
    ordered = sorted(screening.trials.trials, key=lambda trial: (trial.example, trial.id))
    return [Shown(trial, tuple(_cases(trial, names))) for trial in ordered]


def _cases(trial: Trial, names: Mapping[str, Iterable[str]]) -> Iterator[Case]:
    beside = Path(trial.path).parent / CASES
    if beside.is_file():
        yield from read_cases(beside, trial, names).cases


def trials_page(shown: list[Shown]) -> str:
    """The list, with a link to each."""
    return page(
        "# Trials",
        "The trials that come with the package, and two examples of other fields. Each page is made from the trial's "
        "file: its facts, every criterion with how it is judged, and the cases that hold it.",
        table(
            ("trial", "", "recruitment", "criteria", "cases"),
            (
                (
                    f"[{escaped(one.trial.short_name)}]({one.trial.id}.md)",
                    "example" if one.trial.example else code(one.trial.id),
                    one.trial.recruitment,
                    str(len(one.trial.criteria)),
                    str(len(one.cases)),
                )
                for one in shown
            ),
        ),
        "More are added without Python: [Add a trial](../add-a-trial.md).",
    )


def one_page(one: Shown) -> str:
    """The page of a trial as others get it, with the files it was made from."""
    folder = Path("service/criteria") / ("examples" if one.trial.example else "trials") / one.trial.id
    links = [f"[trial.yaml](../../{folder}/trial.yaml)", f"[cases.yaml](../../{folder}/cases.yaml)"]
    return _WIDE + page(trial_page(one.trial, one.cases), "## Files", " · ".join(links))

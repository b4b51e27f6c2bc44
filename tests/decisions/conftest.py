"""A service that logs its decisions, and the command that judges them again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient

from service import cli, screening
from service.screening import Screening
from service.settings import Settings
from tests.builders import Json
from tests.web.conftest import ended, made

KEY, OTHER_KEY = "k" * 40, "o" * 40
TEST_DAYS = "?asOf=2026-11-21"


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    lines: list[Json]
    err: str


class Site:
    """An installation: its settings, a service with them, the log that it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.given = {
            "DECISION_LOG": f"{folder}/decisions.ndjson",
            "DECISION_KEY": KEY,
            "DATABASE_URL": f"sqlite:///{folder}/service.db",
        }
        self._apps: list = []

    def client(self, **given: str) -> FlaskClient:
        self.given |= given
        self._apps.append(made(self.folder, **self.given))
        return self._apps[-1].test_client()

    @property
    def logs(self) -> list[Path]:
        return sorted(self.folder.glob("decisions-*.ndjson"))

    @property
    def decisions(self) -> list[Json]:
        return [json.loads(line) for path in self.logs for line in path.read_bytes().splitlines()]

    def end(self) -> None:
        for app in self._apps:
            ended(app)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made_site = Site(tmp_path)
    yield made_site
    made_site.end()


Trialhook = Callable[..., Ran]


@pytest.fixture(scope="session", autouse=True)
def _each_installation_is_read_once() -> Iterator[None]:
    """But where trials of a site's own may have changed since."""
    known: dict[str, Screening] = {}

    def installed(of: Settings) -> Screening:
        if of.trials:
            return screening.installed(of)
        key = repr([of.texts[name] for name in ("VALUE_SETS", "TIMEZONE", "ULN")])
        if key not in known:
            known[key] = screening.installed(of)
        return known[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("service.app.installed", installed)
        patched.setattr("service.commands.replay.screening_of", installed)
        yield


@pytest.fixture
def trialhook(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Trialhook:
    """-> the command line with the site's settings."""

    def run(*arguments: object) -> Ran:
        for name, value in site.given.items():
            monkeypatch.setenv(f"TRIALHOOK_{name}", value)
        monkeypatch.setattr("sys.argv", ["trialhook", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return Ran(int(end.value.code or 0), [json.loads(line) for line in out.splitlines()], err)

    return run

"""The tutorial, followed as a reader follows it: in a shell, with the installed command and a running service."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.docs.pages import ROOT, Step, blocks, lacking, like_a_clone, steps, write
from tests.live.servers import clean_environment, free_port

pytestmark = pytest.mark.live
PAGE = ROOT / "docs" / "tutorial.md"
COMMANDS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def page(port: int) -> str:
    """The tutorial on a port that is free here."""
    return PAGE.read_text("utf-8").replace(":8080", f":{port}").replace("serve --demo", f"serve --demo --port {port}")


@contextlib.contextmanager
def left_running(step: Step, folder: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    """The service, as a reader leaves it running in another shell."""
    log = folder / "service.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(step.command.split(), cwd=folder, env=environment, stdout=out, stderr=out) as it,
    ):
        try:
            for _ in range(600):
                with contextlib.suppress(requests.ConnectionError):
                    if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).ok:
                        break
                assert it.poll() is None, log.read_text()
                time.sleep(0.1)
            assert lacking(step, log.read_text()) == []
            yield
        finally:
            it.terminate()
            it.wait(40)


def test_the_tutorial_can_be_followed_in_a_shell(page: str, port: int, tmp_path: Path) -> None:
    folder = like_a_clone(tmp_path)
    environment = clean_environment() | {"PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}
    ran = 0
    with contextlib.ExitStack() as running:
        for block in blocks(page):
            if block.language == "console" and not block.mark.startswith("not run"):
                for step in steps(block):
                    ran += 1
                    if step.command.startswith("trialhook serve"):
                        running.enter_context(left_running(step, folder, environment, port))
                        continue
                    ended = subprocess.run(
                        ["bash", "-c", step.command],
                        cwd=folder,
                        env=environment,
                        capture_output=True,
                        text=True,
                        timeout=120,
                    )
                    assert ended.returncode == 0, (step.command, ended.stderr)
                    assert lacking(step, ended.stdout + ended.stderr) == [], step.command
            else:
                write(folder, block)
    assert ran >= 10


def test_only_the_tutorial_needs_the_service() -> None:
    """A page that is marked `live` would have to be followed here too."""
    pages = (ROOT / "docs").glob("*.md")
    assert [path for path in pages if any(block.mark == "live" for block in blocks(path.read_text("utf-8")))] == [PAGE]

"""`trialhook serve`: the service under gunicorn. SIGHUP loads the trials anew, SIGTERM stops gracefully."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from service import settings as settings_module
from service.errors import SettingsError
from service.settings import Settings


@click.command("serve")
@click.option("--demo", is_flag=True, help="Synthetic patients, a FHIR endpoint at /fhir and a page at / to try it.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port.")
@click.option(
    "--workers", default=0, type=click.IntRange(0, 64), help="Worker processes (default: one a core, at most 4)."
)
@click.option("--threads", default=8, show_default=True, type=click.IntRange(2, 128), help="Threads a worker.")
def command(demo: bool, host: str, port: int, workers: int, threads: int) -> int:
    """Run the service."""
    # Until gunicorn listens to signals: its default would leave temporary folders behind, and a container's first
    # process would not be stopped at all.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    metrics_folder()
    from service.server import Server, listener  # after the metrics folder is known, and not before it is needed

    bound = listener(host, port)
    port = bound.getsockname()[1]
    settings = _demo_settings(host, port) if demo else settings_module.load()
    options: dict[str, Any] = {
        "bind": f"fd://{bound.detach()}",
        "workers": workers or _default_workers(),
        "threads": threads,
    }
    if demo:
        told = f"trialhook demo: http://{_address(_reached_at(host))}:{port}/"
        options["when_ready"] = lambda _arbiter: click.echo(told, err=True)
    Server(settings, demo, options, reload=None if demo else settings_module.load).run()
    return 0


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reached_at(host: str) -> str:
    """Where a server that listens on all addresses is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def metrics_folder() -> None:
    """Where the workers' metrics meet; it has to be known before prometheus_client is imported."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = _passing_folder("metrics")
        return
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.db"):  # counts of a server that has ended
            with suppress(FileNotFoundError):
                old.unlink()
    except OSError as problem:
        raise SettingsError(f"PROMETHEUS_MULTIPROC_DIR: {folder} cannot be used ({problem.strerror})") from None


def _passing_folder(purpose: str) -> str:
    """A folder that goes away with this process, not with the workers forked from it."""
    folder = tempfile.mkdtemp(prefix=f"trialhook-{purpose}-")
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _default_workers() -> int:
    return min(4, os.cpu_count() or 1)


def _demo_settings(host: str, port: int) -> Settings:
    """The demo needs nothing else: no tokens, its own FHIR endpoint, a database that goes away with it."""
    given: dict[str, Any] = dict(os.environ)
    given.setdefault("TRIALHOOK_AUTH", "none")
    hosts = dict.fromkeys((_address(_reached_at(host)), "127.0.0.1", "localhost"))
    own = " ".join(f"http://{name}:{port}/fhir" for name in hosts)
    given["TRIALHOOK_FHIR_ALLOWED"] = f"{own} {given.get('TRIALHOOK_FHIR_ALLOWED', '')}"
    if "TRIALHOOK_DATABASE_URL" not in given and "TRIALHOOK_DATABASE_URL_FILE" not in given:
        given["TRIALHOOK_DATABASE_URL"] = f"sqlite:///{_passing_folder('demo')}/trialhook.db"
    return settings_module.load(given)

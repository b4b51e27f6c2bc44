"""Real servers for live tests, started on loopback and stopped afterwards."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests


def free_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    return port


@contextmanager
def fhir_server(folder: Path, **environment: str) -> Iterator[str]:
    """The base URL of a real FHIR R4 server, open and writable. FHIR_TEST_SERVER is its address, or a script that
    starts one on loopback: `SCRIPT PORT mem` answers with the process id once the server is ready. Skips without it."""
    named = os.environ.get("FHIR_TEST_SERVER", "")
    if not named:
        pytest.skip("FHIR_TEST_SERVER names no FHIR server to test with")
    if named.startswith(("http://", "https://")):
        if environment:
            pytest.skip("FHIR_TEST_SERVER is a server that runs already; this test starts its own")
        yield named
        return
    port = free_port()
    own = os.environ | {"FHIRDEV_LOG": str(folder / f"fhir-{port}.log")} | environment
    with _one_at_a_time():
        started = subprocess.run([named, str(port), "mem"], stdout=subprocess.PIPE, text=True, check=True, env=own)
    try:
        yield f"http://127.0.0.1:{port}/fhir"
    finally:
        os.kill(int(started.stdout), signal.SIGTERM)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Of all processes that test: the script may build its server first, and two builds would spoil each other."""
    with (Path(tempfile.gettempdir()) / f"fhir-test-server-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Service:
    """A running `trialhook serve`."""

    def __init__(self, base: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.base = base
        self.process = process
        self.log = log

    def workers(self) -> set[int]:
        """The process ids of the workers."""
        folder = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in folder.read_text().split()}


MODULE = ("-m", "service")


@contextmanager
def service(
    folder: Path, *options: str, host: str = "127.0.0.1", port: int = 0, program: Sequence[str] = MODULE, **given: str
) -> Iterator[Service]:
    """`trialhook serve` with settings given as keywords without their prefix; stopped with SIGTERM.

    `host` is where it is reached, `port` any one unless given, `program` what Python runs in place of the command.
    """
    port = port or free_port()
    log = folder / f"service-{port}.log"
    values = {"AUTH": "none", "DATABASE_URL": f"sqlite:///{folder}/service-{port}.db"} | given
    own = clean_environment() | {f"TRIALHOOK_{name}": value for name, value in values.items()}
    command = [sys.executable, *program, "serve", "--port", str(port), *options]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=own) as process:
        base = f"http://{host}:{port}"
        try:
            _wait_until_ready(base, process, log)
            yield Service(base, process, log)
        finally:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def clean_environment() -> dict[str, str]:
    """The environment without settings of the service."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("TRIALHOOK_", "PROMETHEUS_"))}


def _wait_until_ready(base: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the service stopped with {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{base}/readyz", timeout=5).ok:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the service is not ready after a minute: {log.read_text()[-2000:]}")

"""A PostgreSQL server of one's own for the live tests, thrown away afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg

PASSWORD = "p-w@rd:%/"
ENCODED_PASSWORD = "p-w%40rd%3A%25%2F"
USER = "trialhook"


class Server:
    def __init__(self, port: int, folder: Path, home: Path) -> None:
        self.port = port
        self._folder = folder
        self._home = home
        self._options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} -c fsync=off"

    def start(self) -> None:
        self._control("-l", self._home / "log", "-w", "-o", self._options, "start")

    def stop(self, how: str = "fast") -> None:
        self._control("-m", how, "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Its connections stay, and nothing comes through them."""
        main = int((self._home / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        processes = [main, *map(int, children)]
        try:
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def _control(self, *command: object) -> None:
        _run(self._folder / "pg_ctl", "-D", self._home / "data", *command)

    def new_database(self, options: str = "") -> str:
        """The address of an empty database, made with the options of CREATE DATABASE."""
        name = f"t{uuid4().hex}"
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}" {options}')
        return f"postgresql://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{self.port}/{name}"


def programs() -> Path | None:
    """The newest folder with initdb, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    # Its own folder at the top of the temporary ones: the server's user may not enter those of the tests.
    home = Path(tempfile.mkdtemp(prefix="trialhook-pg-"))
    try:
        server = _started(folder, home)
        yield server
    finally:
        _run(folder / "pg_ctl", "-D", home / "data", "-m", "immediate", "stop", check=False)
        shutil.rmtree(home)


def _started(folder: Path, home: Path) -> Server:
    (home / "password").write_text(PASSWORD)
    if os.getuid() == 0:  # the server refuses to run as root
        for path in (home, home / "password"):
            shutil.chown(path, "postgres", "postgres")
    port = _free_port()
    secured = ("--auth=scram-sha-256", f"--pwfile={home / 'password'}")
    _run(folder / "initdb", "-D", home / "data", "-U", USER, "--no-sync", "-E", "UTF8", *secured)
    server = Server(port, folder, home)
    server.start()
    return server


def _run(*command: object, check: bool = True) -> None:
    user = "postgres" if os.getuid() == 0 else None
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([str(part) for part in command], user=user, cwd="/", check=check, **silent)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

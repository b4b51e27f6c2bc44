"""gunicorn around the application: trials are loaded once, before the workers are forked.

SIGHUP loads settings and trials anew and replaces the workers one by one, so that no request is dropped; where the
new ones are broken the old ones go on.
"""

import secrets
import signal
import socket
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from service import __version__, tracing
from service.app import create_app
from service.errors import TrialhookError
from service.metrics import count_as
from service.server_log import ServerLog
from service.setting_values import MIN_SECRET
from service.settings import Settings
from service.web.parts import EXTENSION, Parts
from service.worker import ENDING, PatientWorker

GRACE_SECONDS = 30
RECYCLE_AFTER = 20_000
KEEP_ALIVE_SECONDS = 15
FIELD_BYTES = 32 * 1024  # so that a token longer than any that is read gets its 401
CONNECTIONS = 500  # a worker; with its files below the limit of 1024 that many systems set

log = structlog.get_logger("trialhook.server")


class CannotListen(TrialhookError):
    """The address to listen on is taken, not ours, or not allowed."""

    code = "cannot-listen"


def listener(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. CannotListen says why there is none.

    It does not listen yet: until the workers are there, clients are refused and not kept waiting.
    """
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except (OSError, UnicodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else "not a host"
        raise CannotListen(f"cannot listen on {shown}: {reason}") from None
    return made


class Forking(Arbiter):  # type: ignore[misc]
    """gunicorn's master. Told to end while a worker is being made, that worker would take the signal as the master does
    and go on; so it is held back until the worker has handlers of its own (PatientWorker.init_signals)."""

    def spawn_worker(self) -> Any:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            return super().spawn_worker()  # comes back in the master alone
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Server(BaseApplication):  # type: ignore[misc]
    """The service under gunicorn. `options` are gunicorn's own; `reload` gives the settings anew on SIGHUP."""

    def __init__(
        self, settings: Settings, demo: bool, options: dict[str, Any], reload: Callable[[], Settings] | None = None
    ) -> None:
        self._demo = demo
        self._options = options
        self._reload = reload or (lambda: settings)
        self._secret = secrets.token_urlsafe(MIN_SECRET)
        self._app = self._made(settings)
        super().__init__()

    def _made(self, settings: Settings) -> Any:
        """The application. Without a secret in the settings it keeps this server's own, so that links that were made
        before a reload still open after it."""
        if not settings.secret:
            settings = msgspec.structs.replace(settings, values=settings.values | {"SECRET": (self._secret,)})
        return create_app(settings, demo=self._demo)

    def load_config(self) -> None:
        defaults = {
            "worker_class": PatientWorker,
            "worker_connections": CONNECTIONS,
            "preload_app": True,
            "timeout": 60,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "max_requests": RECYCLE_AFTER,
            "max_requests_jitter": RECYCLE_AFTER // 10,
            "limit_request_line": 4094,
            "limit_request_field_size": FIELD_BYTES,
            "worker_tmp_dir": _shared_memory(),
            "logger_class": ServerLog,
            "pre_fork": _pre_fork,
            "post_fork": _post_fork,
            "worker_exit": _worker_exit,
            "control_socket_disable": True,
        }
        for name, value in {**defaults, **self._options}.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app

    def reload(self) -> None:
        """On SIGHUP, in the master, before new workers are started."""
        super().reload()
        try:
            self._app = self._made(self._reload())
        except TrialhookError as problem:
            log.error("reload refused, the old trials stay", problem=problem.message)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it must not end a running service
            log.error("reload refused, the old trials stay", problem=type(problem).__name__)
        else:
            self.callable = None
            log.warning("reloaded")

    def run(self) -> None:
        try:
            Forking(self).run()
        except OSError as problem:  # another process was quicker to listen on the address
            raise CannotListen(f"cannot listen: {problem.strerror}") from None


def _shared_memory() -> str | None:
    """Heartbeats of workers belong in memory: a slow disk must not look like a dead worker."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _pre_fork(arbiter: Any, worker: Any) -> None:
    """A new worker counts in the first place that no other one has, also no one that is still ending."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    worker.place = next(place for place in count() if place not in taken)


def _post_fork(_arbiter: Any, worker: Any) -> None:
    count_as(str(worker.place))
    tracing.start(_parts(worker).settings.otlp_endpoint, __version__)


def _worker_exit(_arbiter: Any, worker: Any) -> None:
    """A worker that ends writes what it still holds."""
    parts = _parts(worker)
    parts.explanations.flush()
    parts.shown.write()
    if parts.audit is not None:
        parts.audit.flush()
    tracing.stop()


def _parts(worker: Any) -> Parts:
    parts: Parts = worker.app.wsgi().extensions[EXTENSION]
    return parts

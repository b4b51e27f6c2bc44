"""gunicorn around the application: trials are loaded once, before the workers are forked.

SIGHUP loads settings and trials anew and replaces the workers one by one, so that no request is dropped; where the
new ones are broken the old ones go on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from prometheus_client import multiprocess

from service.app import create_app
from service.errors import TrialhookError
from service.settings import Settings
from service.web.parts import EXTENSION, Parts

GRACE_SECONDS = 30
RECYCLE_AFTER = 20_000
KEEP_ALIVE_SECONDS = 15

log = structlog.get_logger("trialhook.server")


class Server(BaseApplication):  # type: ignore[misc]
    """The service under gunicorn. `options` are gunicorn's own; `reload` gives the settings anew on SIGHUP."""

    def __init__(
        self, settings: Settings, demo: bool, options: dict[str, Any], reload: Callable[[], Settings] | None = None
    ) -> None:
        self._demo = demo
        self._options = options
        self._reload = reload or (lambda: settings)
        self._app = create_app(settings, demo=demo)
        super().__init__()

    def load_config(self) -> None:
        defaults = {
            "worker_class": "gthread",
            "preload_app": True,
            "timeout": 60,
            "graceful_timeout": GRACE_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "max_requests": RECYCLE_AFTER,
            "max_requests_jitter": RECYCLE_AFTER // 10,
            "limit_request_line": 4094,
            "worker_tmp_dir": _shared_memory(),
            "errorlog": "-",
            "loglevel": "warning",
            "worker_exit": _worker_exit,
            "child_exit": _child_exit,
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
            self._app = create_app(self._reload(), demo=self._demo)
        except TrialhookError as problem:
            log.error("reload refused, the old trials stay", problem=problem.message)
            return
        self.callable = None
        log.warning("reloaded")

    def run(self) -> None:
        Arbiter(self).run()


def _shared_memory() -> str | None:
    """Heartbeats of workers belong in memory: a slow disk must not look like a dead worker."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _worker_exit(_arbiter: Any, worker: Any) -> None:
    """A worker that ends writes what it still holds."""
    parts: Parts = worker.app.wsgi().extensions[EXTENSION]
    parts.explanations.flush()
    parts.shown.write()


def _child_exit(_arbiter: Any, worker: Any) -> None:
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]

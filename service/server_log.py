"""gunicorn's messages as lines of our own log, without what clients sent: a malformed request may name a patient."""

from typing import Any

import structlog
from gunicorn.glogging import Logger

_log = structlog.get_logger("trialhook.server")


class ServerLog(Logger):  # type: ignore[misc]
    """Says what happened, and of an error its kind and place in place of its text."""

    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        _log.critical(_said(msg, args))

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        _log.error(_said(msg, args))

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        _log.warning(_said(msg, args))

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        _log.error(msg.partition(" %")[0], **_kind_and_place())

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        _log.debug(_said(msg, args))

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """gunicorn's own details, which show requests."""


def _said(msg: str, args: tuple[Any, ...]) -> str:
    if msg.startswith("Invalid request"):
        return "invalid request refused"
    return (msg % args if args else msg).splitlines()[0]


def _kind_and_place() -> dict[str, str]:
    import sys

    kind, _, trace = sys.exc_info()
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "unknown"
    return {"kind": kind.__name__ if kind else "", "where": where}

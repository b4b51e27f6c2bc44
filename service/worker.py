"""gunicorn's threaded worker, made patient: a request takes a thread only once it has arrived.

The worker as it comes gives every connection a thread and lets it wait there for the client, so a few slow or silent
clients stop a service. Here the worker's own loop gathers the head and an ordinary body; only what is larger is read by
a thread, within a bound on the whole of it.
"""

import errno
import re
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from service.refusals import refusal, status_of
from service.web.parts import EXTENSION

ARRIVAL_SECONDS = 20.0  # for the head and the gathered part of a body, and again for the rest of a large one
SENDING_SECONDS = 30.0
LINGER_SECONDS = 2.0
GATHERED_BYTES = 512 * 1024  # a chart of ordinary size; what a silent client can make a worker hold
HEAD_BYTES = 64 * 1024
CHUNK = 256 * 1024

ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_ORIGIN = re.compile(rb"\r\norigin:[ \t]*([\x21-\x7e]{1,300})[ \t]*\r\n", re.IGNORECASE)
# a client that asks first sends its body only once a thread has answered
_ASKS_FIRST = re.compile(rb"\r\nexpect:", re.IGNORECASE)
_NO_DATA = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED)


class TimedSource:
    """Reads from a socket until a moment, however little comes at a time; late is as gone."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.until = 0.0

    def recv(self, size: int) -> bytes:
        left = self.until - time.monotonic()
        if left <= 0:
            raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time")
        try:
            self._sock.settimeout(left)
            return self._sock.recv(size)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time") from None
        finally:
            self._sock.settimeout(SENDING_SECONDS)


class Connection(TConn):  # type: ignore[misc]
    """A client's connection, with what has come of its next request."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.data_ready = True  # a thread gets it only then
        self.came = bytearray()
        self.origin = ""  # the page that makes the request, where its head tells
        self._wanted = 0

    def has_arrived(self) -> bool:
        """Whether a thread can read the request without waiting, or can do nothing but wait."""
        if not self._wanted:
            end = self.came.find(b"\r\n\r\n") + 4
            if end < 4:
                return len(self.came) > HEAD_BYTES
            self._wanted = end + self._gathered_body(end - 2)
        return len(self.came) >= self._wanted

    def _gathered_body(self, end: int) -> int:
        length = _LENGTH.search(self.came, 0, end)
        if length is None or _ASKS_FIRST.search(self.came, 0, end):
            return 0
        return min(int(length[1]), GATHERED_BYTES)

    def init(self) -> None:
        """Called by a thread that is about to read a request."""
        super().init()
        self.sock.settimeout(SENDING_SECONDS)  # for a whole answer: sendall counts all of its parts
        unreader = self.parser.unreader
        if not isinstance(unreader.sock, TimedSource):
            unreader.sock = TimedSource(unreader.sock)
        unreader.sock.until = time.monotonic() + ARRIVAL_SECONDS
        self.origin = self.origin_in(self.came)
        if self.came:
            unreader.unread(bytes(self.came))
        self.came.clear()
        self._wanted = 0

    @staticmethod
    def origin_in(came: bytearray) -> str:
        """The Origin that a head tells, also one that cannot be read to its end; empty where it tells none."""
        end = came.find(b"\r\n\r\n") + 2
        found = _ORIGIN.search(came, 0, end if end > 1 else HEAD_BYTES)
        return found[1].decode("ascii") if found else ""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pending_conns: deque[Connection] = deque()
        self.lingering: deque[Connection] = deque()
        self._serving = threading.local()  # what a thread has in hand

    def init_signals(self) -> None:
        """What told the worker to end before it could listen is heard now."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    # -- requests are answered

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application: Any = self.app.wsgi()
        self._origins = frozenset(application.extensions[EXTENSION].settings.cors_origins)

        def closing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
                if ("Connection", "close") in headers:  # gunicorn takes no notice of it
                    self._serving.request.force_close()
                return start_response(status, headers, exc_info)

            return application(environ, start)

        self.wsgi = closing

    def handle(self, conn: Connection) -> Any:
        self._serving.connection = conn
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Connection) -> Any:
        self._serving.request = req
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What is told where no view is reached: gunicorn's own pages quote what was sent."""
        status = status_of(exc)
        if status == 500:
            self.log.exception("Error handling request")
        else:
            self.log.warning("Invalid request")
        connection: Connection | None = getattr(self._serving, "connection", None)
        with suppress(OSError):
            util.write_nonblock(client, refusal(status, connection.origin if connection else "", self._origins))

    # -- requests arrive

    def accept(self, listener: Any) -> None:
        try:
            client, address = listener.accept()
        except OSError as problem:
            if problem.errno not in _NO_DATA:
                raise
            return
        self.nr_conns += 1
        self._await_request(Connection(self.cfg, client, address, listener.getsockname()))

    def set_accept_enabled(self, enabled: bool) -> None:
        """A worker that ends takes in who is connected already, and lets go of the listening sockets at once: for them
        the kernel would go on taking in clients, whom nobody answers."""
        ending = not enabled and not self.alive
        if ending:
            self._accept_waiting()
        super().set_accept_enabled(enabled)
        if ending:
            self._accept_waiting()
            for listener in self.sockets:
                listener.close()

    def _accept_waiting(self) -> None:
        for listener in self.sockets:
            before = -1
            while before < self.nr_conns < self.worker_connections:
                before = self.nr_conns
                self.accept(listener)

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        """The next request on a kept connection."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_request(conn)

    def _await_request(self, conn: Connection) -> None:
        conn.timeout = time.monotonic() + ARRIVAL_SECONDS
        self._watch(conn, self.pending_conns, self._receive)

    def _receive(self, conn: Connection, client: Any) -> None:
        data = _received(client)
        if data is None:
            return
        conn.came += data
        if data and not conn.has_arrived():
            return
        self._unwatch(conn, self.pending_conns)
        if data:
            self.enqueue_req(conn)
        else:
            self._close(conn)

    # -- connections end

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        if fs.cancelled() or fs.exception() is not None:
            super().finish_request(conn, fs)
        elif not fs.result():
            self._linger(conn)
        elif ahead := conn.parser.unreader.take_buffered():  # the beginning of the next request, or all of it
            conn.came += ahead
            self._next_request(conn)
        else:
            super().finish_request(conn, fs)

    def _next_request(self, conn: Connection) -> None:
        if conn.has_arrived():
            self.enqueue_req(conn)
        else:
            conn.sock.setblocking(False)
            self._await_request(conn)

    def _linger(self, conn: Connection) -> None:
        """Close once the client has, or soon: at once would destroy the answer on its way (RFC 9112 section 9.6)."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._watch(conn, self.lingering, self._discard)

    def _discard(self, conn: Connection, client: Any) -> None:
        if _received(client) == b"":
            self._unwatch(conn, self.lingering)
            self._close(conn)

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        while self.lingering and self.lingering[0].timeout <= now:
            conn = self.lingering[0]
            self._unwatch(conn, self.lingering)
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Called when the worker ends: who has sent nothing yet is waited for no longer than kept connections."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            if not conn.came:
                conn.timeout = min(conn.timeout, deadline)
        self.pending_conns = deque(sorted(self.pending_conns, key=lambda conn: conn.timeout))

    # -- the loop's book-keeping

    def _watch(self, conn: Connection, among: deque[Connection], then: Callable[..., None]) -> None:
        among.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(then, conn))

    def _unwatch(self, conn: Connection, among: deque[Connection]) -> None:
        among.remove(conn)
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()


def _received(client: socket.socket) -> bytes | None:
    """What has come: empty where the client is gone, None where nothing has."""
    try:
        return client.recv(CHUNK)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""

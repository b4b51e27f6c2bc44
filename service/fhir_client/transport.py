"""The HTTP session under the client: guarded connections, and a timeout that is for the whole response.

The timeouts of sockets are for one piece of data each, so a server that drips one byte at a time is never too late.
Here what a request is given counts for everything: connecting, the TLS handshake, headers and body. Only sessions for
long files leave it at the time for one piece, and their caller minds the whole.
"""

import http.client
import io
import logging
import socket
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError
from urllib3.util import Timeout
from urllib3.util.connection import create_connection

from service.fhir_client.peers import Peers


class RefusedPeer(HTTPError):
    """None of the addresses behind a host may be connected to."""


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a moment, however little comes at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        timeout = sock.gettimeout()
        self._until = None if timeout is None else time.monotonic() + timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            self._sock.settimeout(_left(self._until))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for the response is over")
    return left


def _connect(connection: HTTPConnection, peers: Peers) -> socket.socket:
    """Connect to the first address of the host that is allowed and answers; the socket keeps the time that is left."""
    until = time.monotonic() + float(connection.timeout or 0)
    addresses = _addresses(connection, peers)
    failure: OSError | None = None
    for remaining, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            # one that does not answer leaves the others their share of the time
            where = (address, connection.port)
            sock = create_connection(where, _left(until) / remaining, socket_options=connection.socket_options)
            sock.settimeout(_left(until))
        except OSError as problem:
            failure = problem
        else:
            return sock
    if time.monotonic() >= until:
        raise ConnectTimeoutError(connection, "no connection in time")
    raise NewConnectionError(connection, "no connection") from failure


def _addresses(connection: HTTPConnection, peers: Peers) -> list[str]:
    host = connection.host.strip("[]")
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NameResolutionError(host, connection, socket.gaierror("the name is not known")) from None
    allowed = peers.allowed(host, [str(entry[4][0]) for entry in found])
    if not allowed:
        raise RefusedPeer("no address of the host may be connected to")
    return allowed


def _pools(peers: Peers, response: type[http.client.HTTPResponse]) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3 makes connections by class alone, so the rule for peers is bound into classes."""

    class Plain(HTTPConnection):
        response_class = response

        def _new_conn(self) -> socket.socket:
            return _connect(self, peers)

    class Secure(HTTPSConnection):
        response_class = response

        def _new_conn(self) -> socket.socket:
            return _connect(self, peers)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Adapter(HTTPAdapter):
    def __init__(self, peers: Peers, connections: int, response: type[http.client.HTTPResponse]) -> None:
        self._peers = peers
        self._response = response
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._peers, self._response)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Redirects are followed by the caller; requests would read their bodies whole, whatever their size."""


def open_session(
    peers: Peers, connections: int, certificates: str = "", *, long_files: bool = False
) -> requests.Session:
    """A session for several threads. It keeps no cookies, so no server's session passes from one user to the next, and
    heeds no environment: a proxy or a netrc file would sidestep the guard. With `long_files` the time of a response
    starts anew with every piece that comes."""
    # urllib3 logs addresses and headers, and those name patients
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    session = _Session()
    session.trust_env = False
    session.verify = certificates or True
    session.headers.clear()
    session.headers.update({"User-Agent": "trialhook", "Accept-Encoding": "gzip"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    response = http.client.HTTPResponse if long_files else _TimedResponse
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(peers, connections, response))
    return session


def send(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    seconds: float,
    idle: float = 0.0,
    body: bytes = b"",
) -> requests.Response:
    """Ask, and read as far as the headers; the body has to come within the same seconds, or with `idle` without a pause
    of more than so many. Raises what requests does, and RefusedPeer."""
    # requests passes it on; its types know only numbers
    timeout: Any = Timeout(connect=idle, read=idle) if idle else Timeout(total=seconds)
    return session.request(
        method, url, data=body or None, headers=dict(headers), timeout=timeout, stream=True, allow_redirects=False
    )

"""With which token a server is asked, and for which resource types it does not stand."""

from typing import Protocol

from service.errors import TrialhookError


class NotAuthorized(TrialhookError):
    """No access token can be had. `temporary`: trying again later may help."""

    code = "not-authorized"

    def __init__(self, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.temporary = temporary


class Access(Protocol):
    """Tokens for one server. Safe to use from many threads; deadlines are values of time.monotonic()."""

    def token(self, deadline: float) -> str:
        """A token that is valid now; empty where the server is asked without. NotAuthorized where none can be had."""
        ...

    def renewed(self, refused: str, deadline: float) -> str:
        """Another token than the one that the server refused; the same where there is no other."""
        ...

    @property
    def not_granted(self) -> tuple[str, ...]:
        """Resource types that were asked for and that no token so far stands for in full."""
        ...


class Bearer:
    """A token that somebody else obtained, which cannot be renewed; an empty one asks without."""

    def __init__(self, token: str = "") -> None:
        self._token = token

    def token(self, deadline: float) -> str:
        return self._token

    def renewed(self, refused: str, deadline: float) -> str:
        return self._token

    @property
    def not_granted(self) -> tuple[str, ...]:
        return ()

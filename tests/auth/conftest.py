"""Gates as the tests of this folder need them: a clock that stands still, ids remembered in a set."""

from collections.abc import Callable

import pytest

from service.auth import Caller, Gate, Unauthorized
from service.setting_values import Client
from tests.auth.tokens import AUDIENCE, ISSUER, NOW

Check = Callable[[str | None], Caller]


class Clock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Memory:
    """The first use of an id within this process, with the end that was asked for."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], int] = {}

    def __call__(self, issuer: str, token_id: str, expires: int) -> bool:
        new = (issuer, token_id) not in self.held
        self.held[issuer, token_id] = expires
        return new


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def gate_for(clock: Clock, memory: Memory) -> Callable[[Client], Check]:
    """The check of a gate that knows one client, for calls to one endpoint."""

    def made(client: Client) -> Check:
        gate = Gate({ISSUER: client}, memory, clock=clock)
        return lambda authorization: gate.check(authorization, [AUDIENCE])

    return made


@pytest.fixture
def refuses(gate_for: Callable[[Client], Check]) -> Callable[[Client, str | None, str], None]:
    """States that the client's token is refused for the reason, and that the reason quotes nothing of the token."""

    def state(client: Client, authorization: str | None, reason: str) -> None:
        with pytest.raises(Unauthorized, match=reason) as refused:
            gate_for(client)(authorization)
        parts = (authorization or "").removeprefix("Bearer ").split(".")
        assert not any(part and part in str(refused.value) for part in parts if len(part) > 8)

    return state

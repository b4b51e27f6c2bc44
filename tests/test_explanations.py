"""Links to explanations: what they open, for how long, and that neither link nor database alone tells anything."""

import base64
import re
import sqlite3
import threading
from collections.abc import Iterator

import pytest

from service import explanations as module
from service.explanations import Explanations, NotOpened
from service.store import SealedRow, Store, StoreError
from tests.store.processes import in_fork

NEW, OLD = "n" * 32, "o" * 32
NOW = 1_800_000_000.0
PAYLOAD = b'{"patient": "Patient/ex1", "results": []}' * 50


class Clock:
    """A clock that moves only when told to."""

    now = NOW

    def __call__(self) -> float:
        return self.now


class Memory:
    """A store in memory that can fail, hold its answer back, and count what it is asked."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.asked = 0
        self.failing = False
        self.batches: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def keep_explanations(self, rows: list[SealedRow]) -> None:
        self.open.wait()
        if self.failing:
            raise StoreError("away")
        self.batches.append(len(rows))
        self.rows.update({row.name: row.sealed for row in rows})

    def explanation(self, name: bytes, now: int) -> bytes | None:
        self.asked += 1
        return self.rows.get(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def file(tmp_path) -> str:
    return str(tmp_path / "store.db")


@pytest.fixture
def store(file) -> Iterator[Store]:
    made = Store(f"sqlite:///{file}", clock=lambda: NOW)
    made.migrate()
    yield made
    made.dispose()


@pytest.fixture
def impatient(monkeypatch):
    """Nothing is waited for: the test is not about rows that are still being written."""
    monkeypatch.setattr(module, "WAIT_SECONDS", 0)


def test_a_link_opens_what_was_sealed(store, clock):
    explanations = Explanations(store, [NEW], 60, clock)
    tokens = [explanations.seal(PAYLOAD + bytes([number])) for number in range(100)]
    assert explanations.flush()
    assert [explanations.open(token) for token in tokens] == [PAYLOAD + bytes([number]) for number in range(100)]
    assert explanations.lost == 0


def test_an_empty_payload_is_a_payload(store, clock):
    explanations = Explanations(store, [NEW], 60, clock)
    assert explanations.open(explanations.seal(b"")) == b""


def test_a_token_can_stand_in_a_url_and_is_never_the_same(memory, clock):
    explanations = Explanations(memory, [NEW], 60, clock)
    tokens = [explanations.seal(PAYLOAD) for _ in range(50)]
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{50}", token) for token in tokens)
    assert len(set(tokens)) == 50


def test_what_is_kept_tells_nothing(store, clock, file):
    explanations = Explanations(store, [NEW], 60, clock)
    token = explanations.seal(PAYLOAD)
    assert explanations.flush()
    with sqlite3.connect(file) as connection:
        ((name, sealed, expires),) = connection.execute("SELECT name, sealed, expires FROM explanation").fetchall()
    connection.close()
    raw = base64.urlsafe_b64decode(token + "==")
    assert b"Patient" not in sealed
    assert raw[5:21] not in name + sealed
    assert name not in raw
    assert len(sealed) < len(PAYLOAD) / 4
    assert expires == NOW + 3600


class TestEnd:
    def test_a_link_works_until_its_minutes_are_over(self, store, clock):
        explanations = Explanations(store, [NEW], 1, clock)
        token = explanations.seal(PAYLOAD)
        assert explanations.flush()
        clock.now = NOW + 59.9
        assert explanations.open(token) == PAYLOAD
        clock.now = NOW + 60
        assert explanations.open(token) is NotOpened.EXPIRED

    def test_a_link_made_by_a_clock_that_was_ahead_does_not_last_longer(self, store, clock):
        explanations = Explanations(store, [NEW], 1, clock)
        clock.now = NOW + 60
        near = explanations.seal(PAYLOAD)
        clock.now = NOW + 61
        far = explanations.seal(PAYLOAD)
        assert explanations.flush()
        clock.now = NOW
        assert explanations.open(near) == PAYLOAD
        assert explanations.open(far) is NotOpened.EXPIRED

    def test_an_expired_link_does_not_reach_the_database(self, memory, clock):
        explanations = Explanations(memory, [NEW], 1, clock)
        token = explanations.seal(PAYLOAD)
        clock.now = NOW + 61
        assert explanations.open(token) is NotOpened.EXPIRED
        assert memory.asked == 0


class TestForgery:
    def test_a_token_changed_anywhere_is_unknown_and_does_not_reach_the_database(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        token = explanations.seal(PAYLOAD)
        for place, letter in enumerate(token):
            changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
            assert explanations.open(changed) is NotOpened.UNKNOWN
        assert memory.asked == 0

    def test_an_end_cannot_be_moved(self, memory, clock):
        explanations = Explanations(memory, [NEW], 1, clock)
        raw = base64.urlsafe_b64decode(explanations.seal(PAYLOAD) + "==")
        later = (int(NOW) + 10**6).to_bytes(5, "big") + raw[5:]
        assert explanations.open(base64.urlsafe_b64encode(later).rstrip(b"=").decode()) is NotOpened.UNKNOWN

    @pytest.mark.parametrize(
        "made",
        [
            lambda token: "",
            lambda token: token[:-1],
            lambda token: f"{token}A",
            lambda token: f"{token}==",
            lambda token: f"{token[:-1]}\n",
            lambda token: f"{token[:-1]}é",
            lambda token: "." * len(token),
            lambda token: "A" * 100_000,
        ],
    )
    def test_text_of_another_form_is_unknown(self, memory, clock, made):
        explanations = Explanations(memory, [NEW], 60, clock)
        assert explanations.open(made(explanations.seal(PAYLOAD))) is NotOpened.UNKNOWN
        assert memory.asked == 0

    def test_a_token_of_another_service_is_unknown(self, memory, clock):
        token = Explanations(memory, [OLD], 60, clock).seal(PAYLOAD)
        assert Explanations(memory, [NEW], 60, clock).open(token) is NotOpened.UNKNOWN

    def test_a_row_that_was_altered_is_unknown(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        token = explanations.seal(PAYLOAD)
        assert explanations.flush()
        ((name, sealed),) = memory.rows.items()
        for altered in (sealed[:-1] + bytes([sealed[-1] ^ 1]), bytes([sealed[0] ^ 1]) + sealed[1:], sealed[:-1], b""):
            memory.rows[name] = altered
            assert explanations.open(token) is NotOpened.UNKNOWN
        memory.rows[name] = sealed
        assert explanations.open(token) == PAYLOAD

    def test_rows_cannot_be_exchanged(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        token = explanations.seal(PAYLOAD)
        explanations.flush()
        (mine,) = memory.rows
        explanations.seal(b"of another patient")
        explanations.flush()
        (other,) = set(memory.rows) - {mine}
        memory.rows[mine] = memory.rows[other]
        assert explanations.open(token) is NotOpened.UNKNOWN


class TestSecrets:
    def test_older_secrets_still_open_and_new_ones_seal(self, memory, clock):
        before = Explanations(memory, [OLD], 60, clock)
        old = before.seal(b"old")
        before.flush()
        after = Explanations(memory, [NEW, OLD], 60, clock)
        new = after.seal(b"new")
        after.flush()
        assert (after.open(old), after.open(new)) == (b"old", b"new")
        assert before.open(new) is NotOpened.UNKNOWN

    def test_without_a_secret_each_makes_its_own(self, memory, clock):
        one, other = (Explanations(memory, [], 60, clock) for _ in range(2))
        token = one.seal(PAYLOAD)
        one.flush()
        assert one.open(token) == PAYLOAD
        assert other.open(token) is NotOpened.UNKNOWN

    def test_forked_workers_share_what_was_made_before(self, store, clock):
        explanations = Explanations(store, [], 60, clock)
        first = explanations.seal(b"of the parent")  # the parent's thread runs when the process is forked
        assert explanations.flush()

        def work() -> bytes:
            token = explanations.seal(b"of the child")
            return token.encode() if explanations.flush() and explanations.open(first) == b"of the parent" else b""

        token = in_fork(work).decode()
        assert explanations.open(token) == b"of the child"
        second = explanations.seal(b"again")
        assert explanations.open(second) == b"again"


class TestBackground:
    def test_a_link_opens_while_its_row_is_still_on_its_way(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        memory.open.clear()
        token = explanations.seal(PAYLOAD)
        asked = memory.explanation

        def answer_and_let_write(name: bytes, now: int) -> bytes | None:
            found = asked(name, now)
            memory.open.set()
            return found

        memory.explanation = answer_and_let_write
        assert explanations.open(token) == PAYLOAD
        assert memory.asked > 1

    @pytest.mark.parametrize(("age", "asked_again"), [(9, True), (10, False)])
    def test_only_a_row_made_just_now_is_waited_for(self, memory, clock, monkeypatch, age, asked_again):
        monkeypatch.setattr(module, "POLL_SECONDS", 0.001)
        monkeypatch.setattr(module, "WAIT_SECONDS", 0.05)
        memory.failing = True
        explanations = Explanations(memory, [NEW], 60, clock)
        token = explanations.seal(PAYLOAD)
        explanations.flush()
        clock.now = NOW + age
        assert explanations.open(token) is NotOpened.UNKNOWN
        assert (memory.asked > 1) is asked_again

    @pytest.mark.usefixtures("impatient")
    def test_a_store_that_fails_costs_the_explanation_and_not_the_call(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        memory.failing = True
        lost = explanations.seal(PAYLOAD)
        assert explanations.flush()
        assert explanations.lost == 1
        assert explanations.open(lost) is NotOpened.UNKNOWN
        memory.failing = False
        kept = explanations.seal(b"next")
        assert explanations.flush()
        assert explanations.open(kept) == b"next"
        assert explanations.lost == 1

    def test_what_the_queue_cannot_hold_is_lost_and_counted(self, memory, clock, monkeypatch):
        monkeypatch.setattr(module, "QUEUE_LENGTH", 3)
        explanations = Explanations(memory, [NEW], 60, clock)
        memory.open.clear()
        told: list[str] = []
        monkeypatch.setattr(module.metrics, "store_failed", told.append)
        tokens = [explanations.seal(bytes([number])) for number in range(50)]
        assert explanations.lost >= 50 - 2 * 3
        assert told == ["explanations"] * explanations.lost
        memory.open.set()
        assert explanations.flush()
        assert len(memory.rows) == 50 - explanations.lost
        assert len(set(tokens)) == 50

    def test_rows_are_written_in_batches(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        memory.open.clear()
        for _ in range(100):
            explanations.seal(PAYLOAD)
        memory.open.set()
        assert explanations.flush()
        assert sum(memory.batches) == 100
        assert len(memory.batches) <= 2

    def test_rows_that_come_within_a_moment_are_written_together_and_at_once_where_somebody_waits(
        self, memory, clock, monkeypatch
    ):
        monkeypatch.setattr(module, "GATHERING_SECONDS", 60)
        explanations = Explanations(memory, [NEW], 60, clock)
        for _ in range(20):
            explanations.seal(PAYLOAD)
        assert explanations.flush()
        assert memory.batches == [20]

    def test_flush_gives_up_on_a_store_that_hangs(self, memory, clock):
        explanations = Explanations(memory, [NEW], 60, clock)
        memory.open.clear()
        explanations.seal(PAYLOAD)
        assert not explanations.flush(0.01)
        memory.open.set()
        assert explanations.flush()

    def test_without_anything_sealed_there_is_no_thread_and_nothing_to_flush(self, memory, clock):
        before = threading.active_count()
        assert Explanations(memory, [NEW], 60, clock).flush()
        assert threading.active_count() == before

    def test_a_store_that_cannot_be_asked_is_told(self, store, clock, file):
        explanations = Explanations(store, [NEW], 60, clock)
        token = explanations.seal(PAYLOAD)
        explanations.flush()
        with sqlite3.connect(file) as connection:
            connection.execute("DROP TABLE explanation")
        connection.close()
        with pytest.raises(StoreError):
            explanations.open(token)

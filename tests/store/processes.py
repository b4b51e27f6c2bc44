"""Work done by several processes at once, begun together."""

import multiprocessing
import os
from collections.abc import Callable
from typing import Any

_spawning = multiprocessing.get_context("spawn")


def together(work: Callable[..., Any], *arguments: Any, processes: int = 2) -> list[Any]:
    """What each of the processes gives back for the same arguments. `work` stands at the top of its module."""
    barrier = _spawning.Barrier(processes)
    answers = _spawning.SimpleQueue()
    running = [
        _spawning.Process(target=_answer, args=(work, arguments, barrier, answers), daemon=True)
        for _ in range(processes)
    ]
    for process in running:
        process.start()
    found = [answers.get() for _ in running]
    for process in running:
        process.join()
    assert not [problem for problem, _ in found if problem]
    return [answer for _, answer in found]


def _answer(work: Callable[..., Any], arguments: tuple[Any, ...], barrier: Any, answers: Any) -> None:
    try:
        barrier.wait()
        answers.put(("", work(*arguments)))
    except Exception as problem:  # noqa: BLE001 - told by the process that waits
        answers.put((f"{type(problem).__name__}: {problem}", None))


def in_fork(work: Callable[[], bytes]) -> bytes:
    """What a forked process gives back."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work())
        except BaseException as problem:  # noqa: BLE001 - told by the process that waits
            os.write(writing, f"failed: {type(problem).__name__}: {problem}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer

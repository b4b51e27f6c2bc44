"""Work in several processes: forked, so that all see what was made before, and gone with the one that forked them."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from service.errors import ProcessLost

T = TypeVar("T")
PR_SET_PDEATHSIG = 1  # of prctl(2)


def in_parallel(workers: int, jobs: Sequence[tuple[int, Any]], work: Callable[[Any], T]) -> Generator[tuple[int, T]]:
    """Results as they come. Forked workers see everything that was made before; they end when it is closed.
    ProcessLost where one was ended from outside."""
    if workers <= 1 or len(jobs) <= 1:
        for key, job in jobs:
            yield key, work(job)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(
        min(workers, len(jobs)), mp_context=context, initializer=_end_with_parent, initargs=(os.getpid(),)
    ) as pool:
        running: dict[Future[T], int] = {pool.submit(work, job): key for key, job in jobs}
        try:
            for future in as_completed(running):
                yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise ProcessLost from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent(parent: int) -> None:
    """A worker must not go on where its parent was killed: a resumed run may be writing the same files."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before it could be watched
            os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops for both

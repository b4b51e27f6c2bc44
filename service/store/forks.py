"""What a forked process must make anew: connections, threads and locks do not survive a fork."""

import os
import weakref
from collections.abc import Callable


def renew_in_child(method: Callable[[], None]) -> None:
    """Call a bound method in every process that is forked from now on, as long as its object lives."""
    held = weakref.WeakMethod(method)

    def renew() -> None:
        alive = held()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=renew)

"""What a forked process does before anything else: locks that another thread held at the fork are free in it."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable
from weakref import WeakSet

_locks: WeakSet[Any] = WeakSet()


def new_lock() -> threading.Lock:
    """A lock that is free in a forked process, whoever holds it in this one."""
    lock = threading.Lock()
    _locks.add(lock)
    return lock


def new_rlock() -> threading.RLock:
    """The same for one that its owner may take again."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def in_child(act: Callable[[], None]) -> None:
    """Call a function in each process that is forked from this one; those named first are called first."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=act)


def _free_locks() -> None:
    for lock in tuple(_locks):
        lock._at_fork_reinit()  # what the standard library does with its own


in_child(_free_locks)

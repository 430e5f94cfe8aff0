"""A first process that takes something from itself before it is looked at."""

from __future__ import annotations

from machine.attempts.configurations import Configuration

_UNCONFINED = ("--security-opt", "seccomp=unconfined")

SCENARIOS = (
    Configuration("odd-mount-namespace", ("--cap-add", "SYS_ADMIN", *_UNCONFINED), ("mountns",)),
    Configuration("odd-filter-after-user", ("--user", "1000", *_UNCONFINED), ("unshare",)),
)
UNSEEN = frozenset({"odd-filter-after-user"})  # nobody but root can read a filter that a process made for itself

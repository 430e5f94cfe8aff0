"""A sandbox of any maker, without one that runs."""

from __future__ import annotations

from stratascope.core.message import NOTHING
from stratascope.core.sandbox import Group, Sandbox
from stratascope.core.sandboxes.makers import maker


def sandbox_of(name: str, command: str = "", *texts: tuple[str, str]) -> Sandbox:
    """One of that maker, made with that command line."""
    said = ((("/proc/7/cmdline", command),) if command else ()) + texts
    return Sandbox("x", name, maker(name).title, Group.OTHER, NOTHING, "app", "", 7, 1, ((7, 1),), asked_text=said)

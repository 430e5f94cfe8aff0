"""A container's last end, as its engine tells of it, before anybody explains it (`core/denials/ended/why.py`)."""

from __future__ import annotations

from stratascope.core.container import Status
from stratascope.value import Value


class End(Value):
    """`words`: the engine's own, why it did not start. `begun`, `ended`: seconds since the epoch, 0.0 for never.
    `again`: its engine starts it anew whenever it ends. `requested`: somebody had the engine end it; None: not said.
    `sent`: the signals that its engine sent it since it began, by number. `platform`: of its image, as in
    `linux/arm64`; `machine`: of the engine's machine, in the same words (`arm64`); "" where not said.
    `command`: program and arguments; `search`: folders in which a program without a slash is looked for; `folder`: in
    which it starts.
    """

    status: Status
    words: str = ""
    exit_code: int | None = None
    out_of_memory: bool = False
    begun: float = 0.0
    ended: float = 0.0
    restarts: int = 0
    again: bool = False
    requested: bool | None = None
    sent: tuple[int, ...] = ()
    platform: str = ""
    machine: str = ""
    command: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    folder: str = ""

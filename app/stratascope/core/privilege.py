"""Whether data that only root can read is being read: on a person's request, never by the program itself."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class PrivilegeState(StrEnum):
    ABSENT = "absent"  # nothing is live here (a replayed capture, the demo)
    IDLE = "idle"  # not asked for
    ASKING = "asking"  # waiting for a password, or the reader is starting
    ON = "on"
    REFUSED = "refused"  # refused, or ended; everything else stays as it was


class Privilege(Value):
    """`command`: what would be, or was, run as root ("" if no one has to be asked); `message`: why not."""

    state: PrivilegeState = PrivilegeState.ABSENT
    command: str = ""
    message: Message | None = None
    words: str = ""  # output of the refusing program

    @property
    def asks_nobody(self) -> bool:
        """Whether root is available without a password prompt."""
        return self.state is PrivilegeState.ON or not self.command

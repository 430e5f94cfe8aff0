"""Whether what only root can read is read: asked for by a person, never by the program itself."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class PrivilegeState(StrEnum):
    ABSENT = "absent"  # nothing is live here (a replayed capture, the demo)
    IDLE = "idle"  # not asked for
    ASKING = "asking"  # a person is asked for a password, or the reader is being started
    ON = "on"
    REFUSED = "refused"  # refused, or it ended; everything else is as it was


class Privilege(Value):
    """`command` is what would be, or was, started as root ("" where nobody need be asked); `message`: why not."""

    state: PrivilegeState = PrivilegeState.ABSENT
    command: str = ""
    message: Message | None = None
    words: str = ""  # what the refusing program said itself

    @property
    def asks_nobody(self) -> bool:
        """Whether what takes root can be done without anybody being asked for a password."""
        return self.state is PrivilegeState.ON or not self.command

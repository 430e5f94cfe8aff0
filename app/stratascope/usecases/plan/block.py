"""An obstacle to a relaunch: why, and what to do instead."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Remedy
from stratascope.value import Value

COMPOSED = frozenset({"com.docker.compose.project", "io.podman.compose.project"})  # labels


class Block(Value):
    """Why it can't be done, with a stable code, and what to do instead.

    `remedy`: the option that makes it safe; `then`: what happens with that option.
    """

    code: str
    text: Message
    instead: Message
    remedy: Remedy | None = None
    then: Message | None = None

    @property
    def sentence(self) -> Message:
        """Why, and what to do instead."""
        return msg("{why} {instead}", why=self.text, instead=self.instead)

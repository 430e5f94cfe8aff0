"""What was tried, in words for people, and as strace(1) would print it."""

from __future__ import annotations

from stratascope.core.denials.attempt import Attempt
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain


def did(attempt: Attempt) -> Message:
    """A few words: "Open the device /dev/net/tun"."""
    return msg("Call {name}", name=attempt.name)


def arguments(attempt: Attempt) -> tuple[str, ...]:
    """Each argument that the call takes, as strace(1) prints it, without what was not read."""
    return tuple(hex(value) for value in attempt.values)


def raw(attempt: Attempt) -> str:
    """The call with its arguments on one line."""
    path = f'"{plain(attempt.path, 200)}"' if attempt.path else ""
    return f"{attempt.name}({path})"

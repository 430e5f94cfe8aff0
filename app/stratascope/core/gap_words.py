"""Texts for a missing reading: on a layer's band, inside a sentence, as a sentence, and advice."""

from __future__ import annotations

from typing import NamedTuple

from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import Message, msg
from stratascope.sandbox import GRANT


class GapWords(NamedTuple):
    """`advice` is None where a person can do nothing about it."""

    band: Message
    phrase: Message
    sentence: Message
    advice: Message | None = None


_WORDS = {
    GapKind.ABSENT: GapWords(
        msg("This kernel does not report it"),
        msg("this kernel does not have it"),
        msg("This kernel has no such file."),
    ),
    GapKind.DENIED: GapWords(
        msg("Not readable by this user"),
        msg("this user is not allowed to read it"),
        msg("This user is not allowed to read it."),
        msg("Start Stratascope as root, or as the user who runs this container, to see it."),
    ),
    GapKind.GONE: GapWords(
        msg("Not running"),
        msg("it is not running"),
        msg("It is not running."),
        msg("Start the container, and it is read at once."),
    ),
    GapKind.UNSUPPORTED: GapWords(
        msg("Not readable from here"),
        msg("it can't be read from here"),
        msg("It can't be read from here."),
        msg("Start Stratascope on the machine where the container runs."),
    ),
    GapKind.UNPARSED: GapWords(
        msg("Read, but not understood"),
        msg("it was read, but not understood"),
        msg("It was read, but not understood."),
        msg("Please save a capture (--save-capture) and report this."),
    ),
    GapKind.FOREIGN: GapWords(
        msg("The process is on another kernel"),
        msg("the process is not on this kernel"),
        msg("The process is on another kernel, so what /proc says here is not about it."),
        msg("Start Stratascope on the machine, or in the VM, where the engine runs."),
    ),
    GapKind.CONFINED: GapWords(
        msg("Not accessible to this Flatpak"),
        msg("this Flatpak has no access to the host"),
        msg("This Flatpak has no access to the host's kernel."),
        msg("Allow it with: {command}", command=GRANT),
    ),
}


def gap_words(gap: Gap) -> GapWords:
    """All texts for one gap."""
    return _WORDS[gap.kind]

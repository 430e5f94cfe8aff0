"""Raw text read for one process, or for the host, at one moment; and why a reading is missing.

A capture is the collector's output, unchanged; decoders work on it later, so every bug report can be replayed. A
missing reading is a value (`Gap`), not an exception: one unreadable file never hides the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, TypeVar

from stratascope.bounded_cache import remembered
from stratascope.core.message import Message, msg
from stratascope.linux.decode import DecodeError
from stratascope.sandbox import GRANT
from stratascope.value import Value

Decoded = TypeVar("Decoded")
_LONGEST = 1 << 20  # characters of one reading of a process: collector/read.py refuses longer ones
_LONGEST_OF_HOST = 16 << 20  # the same for the host, and for a runtime's config.json


class GapKind(StrEnum):
    """Why something could not be read."""

    ABSENT = "ABSENT"  # this kernel or process has no such file
    DENIED = "DENIED"  # the reader lacks permission
    GONE = "GONE"  # the process ended, or never ran
    UNSUPPORTED = "UNSUPPORTED"  # this way of reading can't provide it
    UNPARSED = "UNPARSED"  # read, but not understood
    FOREIGN = "FOREIGN"  # the PID is of another kernel, or no longer this container's
    CONFINED = "CONFINED"  # our own sandbox (Flatpak) denies access to the host


class Gap(Value):
    """A missing reading: its kind, the errno(3) if the kernel returned one, and an English detail for the log."""

    kind: GapKind
    errno: int | None = None
    detail: str = ""


class Reading(Value):
    """One file or link: `text` as read (bytes that are not UTF-8 as lone surrogates), or `gap`.

    `name`: a path below /proc/PID (`status`, `ns/net`), an absolute path on the host, or
    `cgroup:HIERARCHY:LEVEL:FILE` (hierarchy `v2` or a v1 controller; level 0 is the leaf, 1 its parent …). `source` is
    the path that was read, shown as evidence (`/proc/4211/status`); empty if it is just the process's folder plus the
    name, so use `Capture.source`.
    """

    name: str
    source: str
    text: str | None = None
    gap: Gap | None = None


class Capture(Value, dict=True):
    """All readings of one process (`pid` > 0) or of the host (`pid` 0), in the order they were read."""

    pid: int
    readings: tuple[Reading, ...]
    via: str = "proc"  # "proc", or "podman-top" where /proc is out of reach and podman-top(1) reports instead

    @cached_property
    def _index(self) -> dict[str, int]:
        return _indices(tuple([reading.name for reading in self.readings]))

    def text(self, name: str) -> str | Gap:
        """The text of one reading, or its gap (ABSENT if it was not among those to read)."""
        place = self._index.get(name)
        if place is None:
            return Gap(GapKind.ABSENT, detail=f"{name} was not read")
        reading = self.readings[place]
        text = reading.text
        if text is None:
            return reading.gap or Gap(GapKind.ABSENT)
        if len(text) > _LONGEST and len(text) > self._longest(name):
            return Gap(GapKind.UNPARSED, detail="longer than any that is read")
        return text

    def _longest(self, name: str) -> int:
        """The longest text accepted. Our collector never returns more, but a capture file or a remote machine may."""
        return _LONGEST if self.pid and not name.startswith("oci:") else _LONGEST_OF_HOST

    def decoded(self, name: str, parse: Callable[[str], Decoded]) -> Decoded | Gap:
        """One reading, decoded; a gap where it is missing, or UNPARSED where the decoder rejects it."""
        text = self.text(name)
        if isinstance(text, Gap):
            return text
        try:
            return parse(text)
        except DecodeError as error:
            return Gap(GapKind.UNPARSED, detail=str(error))

    def source(self, name: str) -> str:
        """The path that a reading came from, for evidence."""
        place = self._index.get(name)
        return (place is not None and self.readings[place].source) or f"{process_folder(self.pid)}/{name}"

    def names(self) -> Iterable[str]:
        """The names of all readings, in order."""
        return self._index.keys()


@remembered()
def _indices(names: tuple[str, ...]) -> dict[str, int]:
    """Position by name, cached: captures with equally deep control groups have the same names."""
    return {name: place for place, name in enumerate(names)}


def process_folder(pid: int | str | None) -> str:
    """The folder that a process is read from, with a literal "PID" where there is no number yet (None, 0)."""
    return f"/proc/{pid or 'PID'}"


def or_none(found: Decoded | Gap) -> Decoded | None:
    """The value, or None for a gap, for callers that need no reason."""
    return None if isinstance(found, Gap) else found


def unread(pid: int, gap: Gap) -> Capture:
    """A capture in which every reading is missing, all for the same reason."""
    return Capture(pid, (Reading("", f"/proc/{pid}", None, gap),))


def whole_gap(capture: Capture) -> Gap | None:
    """The reason why nothing of this process was read, for a capture made by `unread`; else None."""
    first = capture.readings[0] if capture.readings else None
    return first.gap if first is not None and first.name == "" else None


class GapWords(NamedTuple):
    """Texts for one kind of gap. `advice`: None if a person can do nothing about it."""

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
    """The texts for a gap."""
    return _WORDS[gap.kind]

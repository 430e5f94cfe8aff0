"""/proc/PID/status for the layers that live on it, and the few words that they share."""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.layer import NamedGap
from stratascope.core.message import Message, msg
from stratascope.linux.decode import DecodeError
from stratascope.linux.status import ProcessStatus, parse_status

ON = msg("On")
OFF = msg("Off")
UNKNOWN = msg("Not known")
NOT_ASKED = msg("Nothing")


def process_status(capture: Capture) -> ProcessStatus | Gap:
    """The decoded status; a gap where it was not read, or not understood (UNPARSED, with the decoder's words)."""
    text = capture.text("status")
    if isinstance(text, Gap):
        return text
    try:
        return parse_status(text)
    except DecodeError as error:
        return Gap(GapKind.UNPARSED, detail=str(error))


def missing_line(capture: Capture, line: str) -> NamedGap:
    """The gap of a line that this kernel, or this way of reading, does not give."""
    gap = Gap(GapKind.ABSENT, detail=f"status has no line {line}")
    return NamedGap(f"status:{line}", gap, f"{capture.source('status')}:{line}")


def why_unknown(gaps: tuple[NamedGap, ...]) -> Message:
    """The first gap as the band's fact."""
    if not gaps:
        return UNKNOWN
    match gaps[0].gap.kind:
        case GapKind.DENIED:
            return msg("Not readable for this user")
        case GapKind.GONE:
            return msg("No process runs")
        case GapKind.FOREIGN:
            return msg("The process is on another kernel")
        case GapKind.UNPARSED:
            return msg("Read, but not understood")
        case GapKind.UNSUPPORTED:
            return msg("Not readable from here")
        case GapKind.CONFINED:
            return msg("Closed to this Flatpak")
        case GapKind.ABSENT:
            return msg("This kernel does not tell")

"""What of the ground no layer changes, for people: the processors' flaws, and what guards folders that all write to.

Rows only: no threat is stopped or let through by these, and they count for no exposure.
"""

from __future__ import annotations

from stratascope.core.ground import Ground
from stratascope.core.layer import Row, Tone
from stratascope.core.message import Message, msg
from stratascope.linux.cpu import FlawState

_FLAWS, _SMT, _GUARDS = msg("CPU vulnerabilities"), msg("Threads per core"), msg("Protection of shared folders")
_FLAWS_NOTE = msg(
    "Through these a process can read memory that is not its own, and no layer stops it: kernel and microcode "
    "updates do."
)
_SMT_NOTE = msg("Two threads that share a core can learn from each other's traces there.")
_GUARDS_NOTE = msg(
    "In world-writable folders such as /tmp, these keep a user's links and files from misleading others."
)
_SMT_WORDS = {
    "on": msg("On: programs share cores"),
    "off": msg("Switched off"),
    "forceoff": msg("Switched off"),
    "notsupported": msg("This CPU has none"),
    "notimplemented": msg("Not known to this kernel"),
}
_KINDS = ("hardlinks", "symlinks", "fifos", "regular")


def ground_rows(ground: Ground) -> tuple[Row, ...]:
    """None where nothing was read of the kernel; a row where that one thing is not there is left out."""
    if not ground.kernel:
        return ()
    rows = [_flaws(ground)]
    if word := _SMT_WORDS.get(ground.smt):
        rows.append(Row(_SMT, word, "/sys/devices/system/cpu/smt/control", note=_SMT_NOTE))
    guards = [(kind, ground.sysctl(f"fs.protected_{kind}")) for kind in _KINDS]
    if told := ", ".join(f"{kind} {value}" for kind, value in guards if value is not None):
        tone = Tone.WARN if any(value == "0" for _, value in guards) else Tone.GOOD
        rows.append(Row(_GUARDS, msg("{text}", text=told), "/proc/sys/fs/protected_*", tone, note=_GUARDS_NOTE))
    return tuple(rows)


def _flaws(ground: Ground) -> Row:
    source = "/sys/devices/system/cpu/vulnerabilities"
    if ground.cpu_flaws is None:
        return Row(_FLAWS, msg("Not readable"), source, Tone.UNKNOWN, note=_FLAWS_NOTE)
    value, tone = _told(ground)
    return Row(_FLAWS, value, source, tone, note=_FLAWS_NOTE)


def _told(ground: Ground) -> tuple[Message, Tone]:
    flaws = ground.cpu_flaws or ()
    states = (FlawState.VULNERABLE, FlawState.IN_PART, FlawState.UNKNOWN)
    still, part, unknown = (tuple(flaw.name for flaw in flaws if flaw.state is state) for state in states)
    total, names, more = len(flaws), ", ".join(still), ", ".join(part)
    if still and part:
        text = msg("{count} of {total} open: {names}; partly closed: {more}",
                   count=len(still), total=total, names=names, more=more)  # fmt: skip
        return text, Tone.WARN
    if still:
        return msg("{count} of {total} open: {names}", count=len(still), total=total, names=names), Tone.WARN
    if part:
        return msg("None of {total} open; partly closed: {more}", total=total, more=more), Tone.WARN
    if unknown:
        text = msg("None of {total} known to be open; not known: {names}", total=total, names=", ".join(unknown))
        return text, Tone.UNKNOWN
    return msg("None of {total} open", total=total), Tone.GOOD

"""What Podman's own `top` reports about a container's processes whose /proc is out of our reach.

Podman reads it on the engine's kernel, so it is what is in force rather than what was configured; but it is Podman's
report, and only a part: capabilities, seccomp mode, label. What it does not report stays a gap; nothing is filled in.
The request itself is passed in (`core.ports.Top`), because SDKs live in `engines/`.
"""

from __future__ import annotations

from stratascope.collector.read import PROCESS_FILES, PROCESS_LINKS
from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread
from stratascope.core.ports import ContainerCapture, Top
from stratascope.linux.capability import LAST, number_of
from stratascope.linux.decode import DecodeError

COLUMNS = ("hpid", "pid", "capeff", "capbnd", "capinh", "capprm", "capamb", "seccomp", "label", "huser")

VIA = "podman-top"
SOURCE = "podman top"
_LINES = (("capinh", "CapInh"), ("capprm", "CapPrm"), ("capeff", "CapEff"), ("capbnd", "CapBnd"), ("capamb", "CapAmb"))
_MODES = {"disabled": "0", "strict": "1", "filter": "2"}
# "full" means each capability in the table of podman's library for `top`: 38 in old ones, 41 in those that know
# CHECKPOINT_RESTORE. Bits above the kernel's own last capability mean nothing, so 41 is right for both.
_FULL = (1 << LAST + 1) - 1
_UNTOLD = Gap(GapKind.UNSUPPORTED, detail="podman top does not tell it")


class PodmanTop:
    """Queries one container's processes. Errors of `ask` (EngineError) pass through."""

    def __init__(self, ask: Top) -> None:
        self._ask = ask

    def __call__(self, container: str, pid: int) -> ContainerCapture:
        """The process `pid`, by the engine's count, and the others that top lists."""
        rows = [dict(zip(COLUMNS, row, strict=False)) for row in self._ask(container, COLUMNS)]
        first = _first(rows, pid)
        if first is None:
            return ContainerCapture(
                unread(pid, Gap(GapKind.UNSUPPORTED, detail="podman top does not list that process"))
            )
        others = tuple(_capture(row, _pid(row)) for row in rows if row is not first)
        return ContainerCapture(_capture(first, pid), others, "pid namespace")


def _first(rows: list[dict[str, str]], pid: int) -> dict[str, str] | None:
    """The row of that host PID; if podman gives none ("?"), of the same PID (`--pid=host`), or of PID 1 inside."""
    for column, wanted in (("hpid", str(pid)), ("pid", str(pid)), ("pid", "1")):
        for row in rows:
            if row.get(column) == wanted and (column == "hpid" or not _decimal(row.get("hpid", ""))):
                return row
    return None


def _pid(row: dict[str, str]) -> int:
    hpid = row.get("hpid", "")
    if _decimal(hpid):
        return int(hpid)
    inside = row.get("pid", "")
    return int(inside) if _decimal(inside) else 0


def _decimal(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _capture(row: dict[str, str], pid: int) -> Capture:
    text = _status(row)
    label = row.get("label", "")
    readings = {
        "status": Reading("status", SOURCE, text) if text else None,
        "attr/current": Reading("attr/current", f"{SOURCE} label", label) if label not in ("", "?") else None,
    }
    names = sorted(PROCESS_FILES | PROCESS_LINKS)
    return Capture(pid, tuple(readings.get(name) or Reading(name, SOURCE, None, _UNTOLD) for name in names), via=VIA)


def _status(row: dict[str, str]) -> str:
    """The lines of /proc/PID/status that the row has; a set with an unknown name is left out."""
    lines = []
    hpid, inside = row.get("hpid", ""), row.get("pid", "")
    if _decimal(hpid) and _decimal(inside):
        lines.append(f"NSpid:\t{hpid}\t{inside}")
    for column, head in _LINES:
        mask = _mask(row.get(column, ""))
        if mask is not None:
            lines.append(f"{head}:\t{mask:016x}")
    mode = _MODES.get(row.get("seccomp", ""))
    if mode is not None:
        lines.append(f"Seccomp:\t{mode}")
    # NSpid alone says nothing about a layer
    return "".join(f"{line}\n" for line in lines) if len(lines) > (1 if lines[:1] and lines[0][0] == "N" else 0) else ""


def _mask(words: str) -> int | None:
    if words == "none":
        return 0
    if words == "full":
        return _FULL
    mask = 0
    try:
        for word in words.split(","):
            mask |= 1 << number_of(word.strip())
    except DecodeError:
        return None
    return mask

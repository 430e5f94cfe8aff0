"""What a container was refused, as the JSON of `denials --json` (a contract) and as lines for people."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from stratascope.core.denials.denial import FILES, KERNEL, NETWORK, Denial, Remedy
from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import listed, together, translate
from stratascope.layers import all_layers
from stratascope.presentation.terminal import Style, pad, wrap

NAMED = 4  # threats that are named one by one
_INDENT = " " * 10
_ELSEWHERE = {
    FILES: msg("Owner and mode of files"),
    NETWORK: msg("Network"),
    KERNEL: msg("This kernel"),
}


def layer_title(layer: str) -> Message:
    """The name of whoever refused: a layer's, or files, network, kernel."""
    return _ELSEWHERE.get(layer) or next(each.about.title for each in all_layers() if each.id == layer)


def json_object(denial: Denial) -> dict[str, Any]:
    """One line of `denials --json`."""
    return {
        "at": round(denial.at, 3),
        "last": round(denial.last, 3),
        "count": denial.count,
        "pid": denial.pid,
        "pid_inside": denial.pid_inside,
        "process": denial.process,
        "syscall": denial.syscall,
        "arguments": list(denial.arguments),
        "path": denial.path,
        "errno": denial.errno,
        "did": translate(denial.did),
        "layer": denial.claim.layer,
        "what": translate(denial.claim.what),
        "certain": denial.claim.certain,
        "benign": denial.benign,
        "ended": denial.ended,
        "remedy": remedy_object(denial.remedies[0]) if denial.remedies else None,
        "remedies": [remedy_object(each) for each in denial.remedies],
    }


def remedy_object(remedy: Remedy) -> dict[str, Any]:
    """What would allow it, in JSON."""
    choice = remedy.choice
    return {
        "toggle": None if choice is None else choice.toggle,
        "value": None if choice is None else choice.value,
        "text": translate(remedy.text),
        "also": [{"toggle": each.toggle, "value": each.value} for each in remedy.also],
        "opens": None if remedy.opened is None else list(remedy.opened),
    }


def lines(denial: Denial, style: Style) -> list[str]:
    """One refusal: what was tried, who refused it, what would allow it and what that opens."""
    at = time.strftime("%H:%M:%S", time.localtime(denial.at))
    who = plain(denial.process, 40) + (f"[{denial.pid_inside or denial.pid}]")
    times = f" {denial.count}×" if denial.count > 1 else ""
    found = [f"{pad(at, 10)}{style.paint(who, '1')}  {translate(denial.did)}{times}"]
    answer = f"{denial.raw} = {denial.errno}" if denial.errno else denial.raw
    found += wrap(answer, _INDENT, style)
    by = translate(layer_title(denial.claim.layer))
    what = translate(denial.claim.what)
    certain = "" if denial.claim.certain else f" {translate(_BY_EXCLUSION)}"
    found += wrap(f"{by}: {what}{certain}", _INDENT, style)
    if denial.ended:
        found += wrap(translate(msg("The process ended right after it.")), _INDENT, style)
    found += [line for remedy in denial.remedies[:1] for line in wrap(remedy_text(remedy), _INDENT, style)]
    return found


_BY_EXCLUSION = msg("Concluded by exclusion: nothing else is left.")


def remedy_text(remedy: Remedy) -> str:
    """What would allow it, and what that opens."""
    if remedy.choice is None:  # whole sentences: what only the host, the image or the program can do
        return translate(remedy.text)
    text = translate(msg("Allowed by: {text}.", text=remedy.text))
    if remedy.opened is None:
        return together((text, translate(msg("What that opens is not known."))))
    if not remedy.opened:
        return together((text, translate(msg("That opens no threat."))))
    return together((text, translate(_opens(remedy.opened))))


def _opens(threats: Sequence[str]) -> Message:
    """Few of them by name, worst first: what gives all capabilities opens dozens. JSON has all."""
    titles = {threat.id: threat.title for threat in all_threats()}
    names = listed(translate(titles[each]) if each in titles else each for each in threats[:NAMED])
    more = len(threats) - NAMED
    if more > 0:
        return plural("That opens {names}, and {count} more.", "That opens {names}, and {count} more.", more,
                      names=names)  # fmt: skip
    return plural("That opens {count} threat: {names}.", "That opens {count} threats: {names}.", len(threats),
                  names=names)  # fmt: skip


def probing(denials: tuple[Denial, ...]) -> str:
    """The harmless ones in one line; "" where there are none."""
    benign = [each for each in denials if each.benign]
    if not benign:
        return ""
    names = ", ".join(sorted({each.syscall for each in benign if each.syscall}))
    count = sum(each.count for each in benign)
    return translate(
        plural("{count} harmless probe, not shown: {names}", "{count} harmless probes, not shown: {names}", count,
               names=names)
    )  # fmt: skip

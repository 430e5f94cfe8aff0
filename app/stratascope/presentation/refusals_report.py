"""What a container was refused, and why it ended: the JSON of `denials --json` (a contract) and lines for people."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from stratascope.core.layer import Layer
from stratascope.core.message import Message, bracketed, colon, comma, msg, plural
from stratascope.core.refusals.ended.ending import ENGINE, IMAGE, PROGRAM, Cause, Ending, Source
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Claim, Refusal, RefusalRemedy
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.text import count_text
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import listed, together, translate
from stratascope.layers import all_layers
from stratascope.presentation.terminal import Style, pad, wrap
from stratascope.presentation.terms import moment
from stratascope.presentation.threat_outcomes import small

NAMED, NAMED_IN_FULL = 4, 6  # threats listed by name: in a line, and in the window
LONGEST = 4200  # characters of one text: a little more than PATH_MAX
_INDENT = " " * 10
_BY_EXCLUSION = msg("Concluded by exclusion: nothing else is left.")
_ENDED = msg("The process ended right after it.")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPENS = {
    Severity.CRITICAL: msg("critical"),
    Severity.HIGH: msg("high"),
    Severity.MEDIUM: msg("medium"),
    Severity.LOW: msg("minor"),
}
_ELSEWHERE = {
    FILES: msg("Owner and mode of files"),
    NETWORK: msg("Network"),
    KERNEL: msg("This kernel"),
}


def layer_title(layer: str) -> Message:
    """The title of what refused: a layer, or files, network, kernel."""
    return _ELSEWHERE.get(layer) or next(each.about.title for each in all_layers() if each.id == layer)


def denial_object(denial: Refusal) -> dict[str, Any]:
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


def remedy_object(remedy: RefusalRemedy) -> dict[str, Any]:
    """A remedy for JSON."""
    choice = remedy.choice
    return {
        "toggle": None if choice is None else choice.id,
        "value": None if choice is None else choice.value,
        "text": translate(remedy.text),
        "also": [{"toggle": each.id, "value": each.value} for each in remedy.also],
        "opens": None if remedy.opened is None else list(remedy.opened),
    }


def denial_lines(denial: Refusal, style: Style) -> list[str]:
    """One refusal: what was tried, who refused it, what would allow it and what that opens."""
    at = time.strftime("%H:%M:%S", time.localtime(denial.at))
    who = plain(denial.process, 40) + (f"[{denial.pid_inside or denial.pid}]")
    times = f" {denial.count}×" if denial.count > 1 else ""
    found = [f"{pad(at, 10)}{style.paint(who, '1')}  {translate(denial.did)}{times}"]
    found += wrap(f"{denial.raw} = {denial.errno}" if denial.errno else denial.raw, _INDENT, style)
    by = translate(layer_title(denial.claim.layer))
    what = translate(denial.claim.what)
    certain = "" if denial.claim.certain else f" {translate(_BY_EXCLUSION)}"
    found += wrap(f"{by}: {what}{certain}", _INDENT, style)
    if denial.ended:
        found += wrap(translate(_ENDED), _INDENT, style)
    found += [line for remedy in denial.remedies[:1] for line in wrap(remedy_text(remedy), _INDENT, style)]
    return found


def remedy_text(remedy: RefusalRemedy) -> str:
    """What would allow it, and what that opens."""
    if remedy.choice is None:  # a whole sentence about the host, the image or the program
        return translate(remedy.text)
    text = translate(msg("Allowed by: {text}.", text=remedy.text))
    if remedy.opened is None:
        return together((text, translate(msg("What that opens is not known."))))
    if not remedy.opened:
        return together((text, translate(msg("That opens no threat."))))
    return together((text, translate(_opens(remedy.opened))))


def _opens(threats: Sequence[str]) -> Message:
    """A few threats by name, worst first: granting all capabilities opens dozens. JSON has all."""
    known = threats_by_id()
    names = listed(translate(known[each].title) if each in known else each for each in threats[:NAMED])
    more = len(threats) - NAMED
    if more > 0:
        return plural("That opens {names}, and {count} more.", "That opens {names}, and {count} more.", more,
                      names=names)  # fmt: skip
    return plural("That opens {count} threat: {names}.", "That opens {count} threats: {names}.", len(threats),
                  names=names)  # fmt: skip


class Layers:
    """Numbers and titles of the layers, and of what else can refuse."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        ordered = sorted(layers, key=lambda layer: layer.number)
        self._number = {layer.id: layer.number for layer in ordered}
        ids = (*self._number, FILES, NETWORK, KERNEL)
        self._title = {which: translate(layer_title(which)) for which in ids}

    @property
    def ids(self) -> tuple[str, ...]:
        """In order: layer 1 to 6, then the others."""
        return tuple(self._title)

    def number(self, which: str) -> int:
        """The layer's number; 0 if it is no layer."""
        return self._number.get(which, 0)

    def title(self, which: str) -> str:
        """The title in a word."""
        return self._title.get(which, which)

    def title_of(self, claim: Claim) -> str:
        """The title, marked if the claim is not certain."""
        title = self.title(claim.layer)
        return title if claim.certain else translate(msg("{layer}, by exclusion", layer=title))


def time_lines(at: float, now: float) -> tuple[str, str]:
    """A time in this machine's time zone: 10:42:07; second, the date if it is not today's."""
    when, today = datetime.fromtimestamp(at).astimezone(), datetime.fromtimestamp(now).astimezone()
    return f"{when:%H:%M:%S}", "" if when.date() == today.date() else f"{when:%m-%d}"


def span_text(denial: Refusal) -> str:
    """When it was first and last refused."""
    if denial.count == 1:
        return translate(moment(denial.at))
    first, last = moment(denial.at), moment(denial.last)
    times = count_text(denial.count)
    return translate(msg("{times} times, first {first}, last {last}", times=times, first=first, last=last))


def tried(denial: Refusal) -> str:
    """What was tried, and how often."""
    what = plain(translate(denial.did), LONGEST)
    if denial.count == 1:
        return what
    return translate(comma(what, f"{count_text(denial.count)}×"))


def answered(denial: Refusal) -> str:
    """The raw call, and what the kernel answered."""
    raw = plain(denial.raw, LONGEST)
    return f"{raw} = {plain(denial.errno, 40)}" if denial.errno else raw


def shorter(raw: str) -> tuple[str, ...]:
    """Shorter and shorter forms of the call; its name, paths and result are kept longest."""
    found = [raw, raw.replace("(AT_FDCWD, ", "(")]
    name, rest, answer = raw.partition("(")[0], raw.partition("(")[2], raw.rpartition(") = ")[2]
    paths = _QUOTED.findall(rest[:LONGEST])
    if paths and answer != raw:
        found.append(f"{name}({', '.join(paths)}, …) = {answer}")
        found.append(f"{name} {' '.join(paths)}")
    return tuple(found)


def reason(claim: Claim) -> str:
    """The reason in a line."""
    what = plain(translate(claim.what), LONGEST)
    return what if claim.certain else translate(msg("By exclusion: {why}", why=what))


def process_below(denial: Refusal) -> str:
    """The PID, inside the container if known, and whether the process died of it; benign refusals kill nothing."""
    inside = denial.pid_inside
    pid = msg("PID {pid} of the host", pid=denial.pid) if inside is None else msg("PID {pid}", pid=inside)
    return translate(msg("{pid}, ended", pid=pid) if denial.ended and not denial.benign else pid)


def opened(remedy: RefusalRemedy) -> tuple[Threat, ...]:
    """The threats that it would open, worst first."""
    known = threats_by_id()
    found = [known[each] for each in remedy.opened or () if each in known]
    return tuple(sorted(found, key=lambda threat: threat.severity.rank))


def opens(remedy: RefusalRemedy) -> tuple[str, str]:
    """What a remedy would open, in a few words, and their colour; "weak" is shown with a triangle."""
    if remedy.opened is None:
        return (translate(msg("what it opens is not known")) if remedy.choice is not None else ""), "text2"
    threats = opened(remedy)
    if not threats:
        return translate(msg("opens no threat")), "text2"
    worst = threats[0].severity
    count = sum(threat.severity is worst for threat in threats)
    return translate(msg("opens {count} {severity}", count=count, severity=_OPENS[worst])), "weak"


def allowing(threats: tuple[Threat, ...]) -> Message:
    """A sentence about the threats that would be opened."""
    names = listed(small(translate(threat.title)) for threat in threats[:NAMED_IN_FULL])
    more = len(threats) - NAMED_IN_FULL
    if more > 0:
        return plural("Allowing it opens: {threats}, and {count} more.",
                      "Allowing it opens: {threats}, and {count} more.", more, threats=names)  # fmt: skip
    return msg("Allowing it opens: {threats}.", threats=names)


def allowed_by(denial: Refusal) -> tuple[str, str, str]:
    """What would allow the call, what that opens, and the colour of the latter."""
    if not denial.remedies:
        return translate(msg("No setting of the container")), "", "text2"
    return (plain(translate(denial.remedies[0].text), 400), *opens(denial.remedies[0]))


def whole(denial: Refusal) -> str:
    """The full explanation: what refused, how certain that is, and what allowing it would open."""
    lines = [plain(translate(denial.claim.what), LONGEST)]
    if not denial.claim.certain:
        lines.append(translate(_BY_EXCLUSION))
    if denial.ended:
        lines.append(translate(_ENDED))
    for remedy in denial.remedies[:1]:
        threats = opened(remedy)
        if threats:
            lines.append(translate(allowing(threats)))
        elif remedy.choice is None:
            lines.append(plain(translate(remedy.text), LONGEST))
    return "\n".join(lines)


def copied(denial: Refusal, layers: Layers) -> str:
    """A refusal as text for the clipboard: for an issue, a chat or a search."""
    below, by = process_below(denial), layers.title_of(denial.claim)
    who = translate(bracketed(plain(denial.process, 80), below))
    lines = [
        translate(colon(tried(denial), answered(denial))),
        translate(comma(who, span_text(denial))),
        translate(msg("Refused by {layer}: {why}", layer=by, why=whole(denial).replace("\n", " "))),
    ]
    for remedy in denial.remedies:
        text, more = plain(translate(remedy.text), LONGEST), opens(remedy)[0]
        allowing = msg("To allow it: {remedy} ({opens})", remedy=text, opens=more)
        lines.append(translate(allowing if more else msg("To allow it: {remedy}", remedy=text)))
    return "\n".join(lines) + "\n"


def probing(denials: tuple[Refusal, ...]) -> str:
    """The benign refusals in one line; "" if there are none."""
    benign = [each for each in denials if each.benign]
    if not benign:
        return ""
    names = ", ".join(sorted({each.syscall for each in benign if each.syscall}))
    count = sum(each.count for each in benign)
    return translate(
        plural("{count} harmless probe, not shown: {names}", "{count} harmless probes, not shown: {names}", count,
               names=names)
    )  # fmt: skip


_EVIDENCE_MAX = 600  # characters of a line of a log, or of an engine's words
NO_REASON = msg("Neither its engine nor the kernel nor its log says why.")
OTHER_REASONS = msg("Other possible reasons:")
LOG_END = msg("The end of its log")
_TITLES = {PROGRAM: msg("Program"), IMAGE: msg("Image"), ENGINE: msg("Engine")}


def who(layer: str) -> Message:
    """The name of the cause: a layer, the program, the image or the engine."""
    return _TITLES.get(layer) or layer_title(layer)


def ending_object(ending: Ending) -> dict[str, Any]:
    """The JSON object `ended`."""
    return {
        "engine": ending.engine,
        "id": ending.container,
        "name": ending.name,
        "state": ending.phase.value,
        "headline": translate(ending.headline),
        "exit_code": ending.exit_code,
        "signal": ending.signal or None,
        "out_of_memory": ending.out_of_memory,
        "restarts": ending.restarts,
        "started": ending.begun or None,
        "finished": ending.ended or None,
        "facts": [{"source": fact.source.value, "text": translate(fact.text)} for fact in ending.facts],
        "cause": None if ending.cause is None else _cause(ending.cause),
        "others": [_cause(each) for each in ending.others],
        "refusals": [denial_object(each) for each in ending.refusals if not each.benign],
        "log": list(ending.log),
    }


def ending_lines(ending: Ending, style: Style) -> list[str]:
    """For people: what happened, why, what would help, and the evidence."""
    return list(_lines(ending, style))


def _lines(ending: Ending, style: Style) -> Iterator[str]:
    yield style.paint(plain(ending.name, 200), "1") + "  " + translate(ending.headline)
    for fact in ending.facts:
        if fact.source is not Source.LOG or ending.cause is None or not ending.cause.evidence:
            yield from wrap(translate(fact.text), "  ", style)
    if ending.cause is not None:
        yield ""
        yield from _cause_lines(ending.cause, style)
    elif ending.exit_code:
        yield ""
        yield translate(NO_REASON)
    if ending.others:
        yield ""
        yield translate(OTHER_REASONS)
        for each in ending.others:
            yield from wrap(translate(each.claim.what), "  ", style)
    if len(ending.log) > 1:
        yield ""
        yield translate(LOG_END)
        for line in ending.log:
            yield from wrap(line, "  ", style, "2")


def cause_line(cause: Cause) -> str:
    """What caused the end, and how."""
    return f"{translate(who(cause.claim.layer))}: {translate(cause.claim.what)}"


def cause_reason(cause: Cause) -> Message:
    """The reasoning, marked if it is a guess."""
    return cause.reason if cause.certain else msg("This is a guess. {reason}", reason=cause.reason)


def _cause_lines(cause: Cause, style: Style) -> Iterator[str]:
    yield from wrap(cause_line(cause), "", style, "1")
    yield from wrap(translate(cause_reason(cause)), "  ", style)
    if cause.evidence:
        yield from wrap(plain(cause.evidence, _EVIDENCE_MAX), "  ", style, "2")
    for remedy in cause.remedies[:1]:
        yield from wrap(remedy_text(remedy), "  ", style)


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "layer": cause.claim.layer,
        "what": translate(cause.claim.what),
        "certain": cause.certain,
        "reason": translate(cause.reason),
        "evidence": plain(cause.evidence, _EVIDENCE_MAX),
        "remedies": [remedy_object(each) for each in cause.remedies],
    }

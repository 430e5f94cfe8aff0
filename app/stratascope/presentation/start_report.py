"""Why a command does not start: the JSON of `denials --json -- COMMAND` (a contract), and lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import named
from stratascope.core.refusals.ended.ending import signal_name
from stratascope.core.refusals.starting import LeastStart, Start, StartCause
from stratascope.core.relaunch.want import (
    DeviceNode,
    GainedRights,
    HeldCapability,
    LooserMount,
    PassedCall,
    ReadablePlace,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.core.sanitize import plain
from stratascope.core.shell_quote import word
from stratascope.i18n.translate import translate
from stratascope.presentation.refusals_report import layer_title
from stratascope.presentation.terminal import Style, wrap

SCHEMA = 1
FILTER = "filter.json"  # where no file was written yet
DOCKER, PODMAN = "docker", "podman"
_KEYS = {"--security-opt": "security_opt", "--cap-add": "cap_add", "--device": "devices", "--tmpfs": "tmpfs"}
_INDENT = "  "


def options(wants: Iterable[Want], engine: str, filter_file: str = FILTER) -> tuple[tuple[str, str], ...]:
    """What a container is given for these, as options of `run` and their values."""
    found = (option for want in wants if (option := _option(want, engine, filter_file)) is not None)
    return tuple(dict.fromkeys(found))


def _option(want: Want, engine: str, filter_file: str) -> tuple[str, str] | None:
    match want:
        case PassedCall():
            return "--security-opt", f"seccomp={filter_file}"
        case HeldCapability(names=names):
            return "--cap-add", ",".join(name.removeprefix("CAP_") for name in named(names).names())
        case ReadablePlace():
            return "--security-opt", "systempaths=unconfined" if engine == DOCKER else "unmask=ALL"
        case DeviceNode(path=path):
            return "--device", path
        case Unconfined(system="apparmor"):
            return "--security-opt", "apparmor=unconfined"
        case Unconfined():
            return "--security-opt", "label=disable"
        case LooserMount(mount=mount):
            return "--tmpfs", f"{mount}:exec"
        case WritablePlace(path=path):
            return "--tmpfs", path.rpartition("/")[0] or "/tmp"
        case GainedRights():
            return "--security-opt", "no-new-privileges=false"
    return None


def calls(wants: Iterable[Want]) -> tuple[str, ...]:
    """The system calls that the filter has to let through beside the default."""
    return tuple(dict.fromkeys(want.name for want in wants if isinstance(want, PassedCall)))


def run_words(wants: Iterable[Want], engine: str, filter_file: str = FILTER) -> str:
    """The options on one line."""
    return " ".join(f"{name} {word(value)}" for name, value in options(wants, engine, filter_file))


def compose_lines(wants: Iterable[Want], filter_file: str = FILTER) -> tuple[str, ...]:
    """The same for a service of Compose."""
    found: dict[str, list[str]] = {}
    for name, value in options(wants, DOCKER, filter_file):
        found.setdefault(_KEYS[name], []).append(value)
    lines = []
    for key, values in found.items():
        lines += [f"{key}:", *(f'  - "{value}"' for value in values)]
    return tuple(lines)


def headline(start: Start) -> Message:
    """How it went, in a sentence."""
    if start.ran:
        return msg("It starts: it still ran when it was ended.")
    if start.code == 0:
        return msg("It starts: nothing kept it from that.")
    if start.signal:
        return msg("It does not start: the signal {name} ended it.", name=signal_name(start.signal))
    return msg("It does not start: it ended with status {status}.", status=-1 if start.code is None else start.code)


def notes(start: Start) -> tuple[Message, ...]:
    """What else is to be said of it."""
    found = []
    if not start.works and not start.causes:
        found.append(msg("Nothing was refused that keeps sandboxes from starting. Its own words may say why."))
    if start.unwatched:
        found.append(
            msg("Not watched, since tracing takes the rights of set-uid programs away: {paths}",
                paths=", ".join(start.unwatched))
        )  # fmt: skip
    return tuple(found)


def json_object(start: Start) -> dict[str, Any]:
    """The whole as JSON types."""
    return {
        "schema": SCHEMA,
        "command": [plain(word, 400) for word in start.words],
        "works": start.works,
        "status": start.code,
        "signal": signal_name(start.signal) if start.signal else None,
        "unwatched": [plain(path, 400) for path in start.unwatched],
        "causes": [cause_object(each) for each in start.causes],
    }


def cause_object(cause: StartCause) -> dict[str, Any]:
    """One cause as JSON types."""
    return {
        "id": cause.id,
        "layer": cause.layer,
        "process": plain(cause.process, 40),
        "call": plain(cause.raw, 400),
        "errno": cause.errno or None,
        "what": translate(cause.what),
        "set_by": translate(cause.set_by),
        "calls": list(calls(cause.wants)),
        "docker": [list(each) for each in options(cause.wants, DOCKER)],
        "podman": [list(each) for each in options(cause.wants, PODMAN)],
        "compose": list(compose_lines(cause.wants)),
        "host": [translate(each) for each in cause.host],
        "own": None if cause.own is None else translate(cause.own),
        "opens": None if cause.opens is None else translate(cause.opens),
    }


def lines(start: Start, style: Style, filter_file: str = FILTER) -> list[str]:
    """For people."""
    found = [style.paint(translate(headline(start)), "1")]
    for number, cause in enumerate(start.causes):
        if number == 1:
            found += ["", translate(msg("Refused before that, and perhaps no reason:"))]
        found += ["", *cause_lines(cause, style, start.here.container, filter_file)]
    for note in notes(start):
        found += ["", *wrap(translate(note), "", style)]
    return found


def least_object(found: LeastStart) -> dict[str, Any]:
    """What was found on copies of a container, as JSON types: the last line of `denials NAME --json -- COMMAND`."""
    return {
        "start": {
            "causes": [cause_object(each) for each in found.causes],
            "choices": [{"toggle": each.id, "value": each.value} for each in found.choices],
            "proven": found.proven,
            "copies": found.copies,
            "why_not": None if found.why_not is None else translate(found.why_not),
            "exposure": None if found.before is None else {"before": found.before, "after": found.after},
            "opens": [each.id for each in found.opened],
        }
    }


def least_lines(found: LeastStart, name: str, engine: str, style: Style) -> list[str]:
    """The same for people."""
    lines: list[str] = []
    for cause in found.causes:
        lines += [*cause_lines(cause, style, engine), ""]
    if found.choices:
        chosen = " ".join(f"--set {word(f'{each.id}={each.value}')}" for each in found.choices)
        lines += wrap(translate(least_headline(found)), "", style)
        lines += wrap(f"stratascope harden {word(name)} {chosen}", _INDENT, style)
    if found.before is not None and found.after is not None:
        text = msg(
            "Its exposure: {before} before, {after} after.", before=f"{found.before:.1f}", after=f"{found.after:.1f}"
        )
        lines += wrap(translate(text), "", style)
        lines += [f"  {translate(each.title)}" for each in found.opened]
    if found.why_not is not None:
        lines += wrap(translate(found.why_not), "", style)
    return lines


def least_headline(found: LeastStart) -> Message:
    """How sure the choices are."""
    if found.proven:
        return msg("The least that lets it start, proven on {count} copies: with all of it, it starts, without any "
                   "part of it, it does not.", count=found.copies)  # fmt: skip
    return msg("What it was found to need. It was not proven.")


def cause_lines(cause: StartCause, style: Style, engine: str, filter_file: str = FILTER) -> list[str]:
    """One cause: what refused what, who set that up, and the least that lifts it."""
    found = wrap(f"{translate(layer_title(cause.layer))}: {translate(cause.what)}", "", style)
    told = f"{plain(cause.process, 40)}: {plain(cause.raw, 300)}".removeprefix(": ")
    found += wrap(f"{told} = {cause.errno}" if cause.errno else told, _INDENT, style)
    for text in told_of(cause, engine, filter_file):
        for part in translate(text).split("\n"):
            found += wrap(part, _INDENT, style)
    return found


def told_of(cause: StartCause, engine: str, filter_file: str = FILTER) -> Sequence[Message]:
    """The rest of it in sentences, the least first."""
    found = [msg("Set up by: {who}", who=cause.set_by)]
    if cause.own is not None:
        found.append(msg("Without opening anything: {text}", text=cause.own))
    for kind in (DOCKER, PODMAN) if engine not in (DOCKER, PODMAN) else (engine,):
        words = run_words(cause.wants, kind, filter_file)
        if words and kind == DOCKER:
            found.append(msg("In a container of Docker: {options}", options=words))
        elif words:
            found.append(msg("In a container of Podman: {options}", options=words))
    let = calls(cause.wants)
    if let:
        found.append(msg("The filter is the engine's default and these calls: {calls}", calls=", ".join(let)))
    found += [msg("On the machine: {text}", text=each) for each in cause.host]
    if cause.opens is not None:
        found.append(msg("What that opens: {text}", text=cause.opens))
    return found

"""What was learned about a container, as the JSON of `needs --json` (a contract) and as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.container import Container
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.observation import Access, Needs, Observation, Phase, notable_reason
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.linux.syscalls import argument_word, flag_words
from stratascope.presentation.terminal import Style, pad, wrap
from stratascope.presentation.terms import amount, timestamp

SCHEMA = 1
_SHOWN = 12
_PHASES = {
    Phase.START: msg("start"),
    Phase.REQUESTS: msg("serving"),
    Phase.CHILDREN: msg("children"),
    Phase.SAVE: msg("save"),
    Phase.RELOAD: msg("reload"),
    Phase.SESSIONS: msg("sessions"),
    Phase.STOP: msg("stop"),
}
_ACCESS = {
    Access.READ: msg("read"),
    Access.WRITTEN: msg("written"),
    Access.EXECUTED: msg("executed"),
    Access.CONNECTED: msg("connected"),
}
_PARTS = {
    "calls": msg("system calls"),
    "capabilities": msg("capabilities"),
    "written": msg("where it writes"),
    "ports": msg("ports"),
    "users": msg("users"),
    "peaks": msg("peaks"),
    "devices": msg("devices"),
    "denied": msg("refusals"),
    "reached": msg("what it reaches through its mounts"),
    "sessions": msg("the first moments of sessions"),
}


def phase_word(phase: Phase) -> str:
    """A phase in the user's language."""
    return translate(_PHASES[phase])


def part_word(what: str) -> str:
    """A part of an observation in the user's language; the observer's own word if it is unknown here."""
    return translate(_PARTS[what]) if what in _PARTS else plain(what, 40)


def json_object(container: Container, known: Needs, held: tuple[str, ...] | None) -> dict[str, Any]:
    """The needs as JSON types. `held`: the capabilities in the bounding set; None: not known."""
    seen = known.observation
    used = {each.name: each for each in seen.capabilities}
    by_abi: dict[str, Any] = {}
    for call in seen.calls:
        by_abi.setdefault(call.abi, {})[call.name] = {"uses": call.uses, "by": list(call.by)}
    return {
        "schema": SCHEMA,
        "engine": container.engine,
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "seen": {
            "seconds": round(seen.seen.seconds, 1),
            "starts": seen.seen.starts,
            "stops": seen.seen.stops,
            "reloads": seen.seen.reloads,
            "execs": seen.seen.execs,
            "lost": seen.seen.lost,
            "exercised": [phase.value for phase in seen.seen.phases],
        },
        "capabilities": {
            each.name: {"uses": each.uses, "by": list(each.by), "where": "initial" if each.initial else "own"}
            for each in used.values()
        },
        "never_used": [name for name in held or () if name not in used] if seen.saw("capabilities") else [],
        "syscalls": {
            **by_abi,
            "arguments": _arguments(seen),
            "notable": sorted({call.name for call in seen.notable()}),
        },
        "written": list(seen.written),
        "ports": sorted({port.port for port in seen.ports}),
        "devices": list(seen.devices),
        "reached": [
            {
                "path": each.path,
                "access": [access.value for access in each.access],
                "by": list(each.by),
                "first": timestamp(each.first) if each.first else None,
                "last": timestamp(each.last) if each.last else None,
                "seconds": round(each.seconds, 1),
                "starts": each.starts,
            }
            for each in seen.reached
        ],
        "users": sorted({uid for uid, _ in seen.users}),
        "peaks": {name: value if name == "cpu" else int(value) for name, value in seen.peaks},
        "unseen": [{"what": what, "why": why} for what, why in seen.unseen],
        "containers": list(known.containers),
    }


def _arguments(seen: Observation) -> dict[str, list[str]]:
    """Socket families, new namespaces, personalities and operations: arguments that a filter can check."""
    found: dict[str, set[str]] = {"socket": set(), "clone": set(), "personality": set()}
    for each in seen.arguments:
        if not each.values:
            continue
        if each.name in ("clone", "unshare"):
            words: Iterable[str] = (word for word in flag_words(each.name, 0, each.values[0]) if "_NEW" in word)
        else:
            words = (argument_word(each.name, 0, each.values[0]),)
        found.setdefault(each.name, set()).update(words)
    return {name: sorted(words) for name, words in found.items()}


def not_observed(part: str, why: str) -> str:
    """A line saying that a part could not be observed."""
    return translate(msg("Not observed: {what}. {why}", what=part_word(part), why=plain(why, 300)))


def lines(known: Needs, held: tuple[str, ...] | None, style: Style) -> Iterator[str]:
    """The needs as lines for people; coverage comes first, since what was not exercised was not seen."""
    seen = known.observation
    yield from _wrapped(_coverage(seen), style)
    for what, why in seen.unseen:
        yield from _wrapped(not_observed(what, why), style)
    if seen.seen.lost:
        yield from _wrapped(
            translate(plural("One event was lost.", "{count} events were lost.", seen.seen.lost)), style
        )  # fmt: skip
    yield ""
    if seen.saw("capabilities"):
        used = {each.name: each for each in seen.capabilities}
        yield translate(msg("Capabilities it used:"))
        yield from (f"  {pad(name, 24)} {each.uses:>6}  {_names(each.by)}" for name, each in used.items())
        if not used:
            yield f"  {translate(msg('none'))}"
        never = [name.removeprefix("CAP_") for name in held or () if name not in used]
        if never:
            text = translate(msg("Held but never used: {names}", names=", ".join(never)))
            yield from wrap(text, "  ", style)
    if seen.saw("calls"):
        notable = {call.name: call for call in seen.notable()}
        harmless = len({call.name for call in seen.calls}) - len(notable)
        yield translate(msg("System calls: {harmless} harmless, and {notable} others:",
                            harmless=harmless, notable=len(notable)))  # fmt: skip
        for name, call in notable.items():
            yield from wrap(
                f"{pad(name, 24)} {call.uses:>6}  {_names(call.by)}  {translate(notable_reason(name))}", "  ", style
            )
    yield from _list(msg("Written outside its volumes:"), seen.written, style)
    yield from _list(msg("Devices:"), seen.devices, style)
    if seen.reached:
        yield translate(msg("Paths and devices of the host:"))
    for each in seen.reached:
        words = ", ".join(translate(_ACCESS[access]) for access in each.access) or translate(msg("not used"))
        yield f"  {pad(plain(each.path, 60), 32)} {pad(words, 24)} {_names(each.by)}".rstrip()
    ports = [f"{port.port}/{port.protocol}" for port in seen.ports]
    yield from _list(msg("Ports:"), ports, style)
    yield from _list(msg("Users inside:"), [f"{uid}:{gid}" for uid, gid in seen.users], style)
    yield from _list(msg("Peaks:"), [_peak(name, value) for name, value in seen.peaks], style)


def _coverage(seen: Observation) -> str:
    phases = listed(map(phase_word, seen.seen.phases))
    seconds = f"{seen.seen.seconds:.0f}"
    if not phases:
        return translate(msg("Watched for {seconds} s, in which no phase of its life could be identified.",
                             seconds=seconds))  # fmt: skip
    return translate(msg("Watched for {seconds} s, including: {phases}. What was not exercised was not seen.",
                         seconds=seconds, phases=phases))  # fmt: skip


def _wrapped(text: str, style: Style) -> list[str]:
    return wrap(text, "", style)


def _names(names: tuple[str, ...]) -> str:
    return plain(", ".join(names), 60)


def _list(title: Message, items: Iterable[str], style: Style) -> Iterator[str]:
    found = [plain(item, 200) for item in items]
    if not found:
        return
    more = [translate(plural("… and {count} more", "… and {count} more", len(found) - _SHOWN))] * (len(found) > _SHOWN)
    yield translate(title)
    yield from wrap(", ".join((*found[:_SHOWN], *more)), "  ", style)


def _peak(name: str, value: float) -> str:
    match name:
        case "memory":
            return translate(msg("{size} of memory", size=amount(name, value)))
        case "cpu":
            return translate(msg("{count} CPUs", count=amount(name, value)))
        case "pids":
            return translate(plural("{count} process or thread", "{count} processes and threads", round(value)))
        case "open_files":
            return translate(
                plural("{count} open file in one process", "{count} open files in one process", round(value))
            )
    return plain(f"{name} {value:g}", 60)

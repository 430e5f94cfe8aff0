"""The history as the JSON of `history --json` (a contract) and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from stratascope.core.history.changes import RESTARTS, Change, What
from stratascope.core.history.entry import Exposed
from stratascope.core.history.fold import MEASURES, Past
from stratascope.core.message import age, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation import history_words as words
from stratascope.presentation.history_since import headline
from stratascope.presentation.terminal import Style, wrap

SCHEMA = 1
_LOUD = {What.OPENED: "31", What.DRIFT: "31", What.CLOSED: "32"}


def json_object(pasts: tuple[Past, ...], since: float, until: float) -> dict[str, Any]:
    """Times are UTC."""
    return {
        "schema": SCHEMA,
        "since": _time(since),
        "until": _time(until),
        "containers": [_container(past) for past in pasts],
    }


def _container(past: Past) -> dict[str, Any]:
    made, image, run = past.now.made, past.now.image, past.now.run
    return {
        "engine": past.subject.engine,
        "name": past.subject.name,
        "id": None if made is None else made.id,
        "image": None if image is None else image.name,
        "status": None if run is None else run.status,
        "first_seen": None if past.first is None else _time(past.first),
        "watched_seconds": round(sum(each.until - each.began for each in past.watched)),
        "exposure": {"before": _exposed(past.then.exposed), "now": _exposed(past.now.exposed)},
        "restarts": sum(each.what in RESTARTS for each in past.changes),
        "changes": [_change(each) for each in past.changes],
        "use": _use(past),
    }


def _exposed(value: Exposed | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"worst": round(value.worst, 1), "at_best": round(value.best, 1), "root": value.root}


def _change(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"at": _time(change.at), "what": change.what.value, "text": words.sentence(change)}
    for name in ("plus", "minus"):
        if getattr(change, name):
            found[name] = list(getattr(change, name))
    if change.what is What.EXPOSURE:
        found |= {"before": round(change.before or 0.0, 1), "after": round(change.after or 0.0, 1)}
    if change.what in (What.ENDED, What.RESTARTED):
        found |= {"exit_code": change.code, "out_of_memory": change.out_of_memory}
    if change.drift:
        found["processes"] = [
            {"command": each.command, "kind": each.kind, "drift": list(each.fields)} for each in change.drift
        ]
    if change.id:
        found["id"] = change.id
    if change.unseen_from is not None:
        found["unseen_from"] = _time(change.unseen_from)
    return found


def _use(past: Past) -> dict[str, Any]:
    """Bytes, cores, processes, and bytes a second of disks; null where it could not be read."""
    peaks, limits = past.peaks, past.now.limits
    found: dict[str, Any] = {}
    for name in MEASURES:
        limit = getattr(limits, name, None)
        found[name] = {
            "now": None if peaks is None else _rounded(name, getattr(peaks, name)),
            "peak": None if peaks is None else _rounded(name, getattr(peaks, f"{name}_peak")),
            **({} if name == "io" else {"limit": limit}),
        }
    return found


def _rounded(name: str, value: float | None) -> float | int | None:
    if value is None:
        return None
    return round(value, 3) if name == "cpu" else round(value)


def lines(pasts: tuple[Past, ...], since: float, style: Style, *, alone: bool) -> Iterator[str]:
    """`alone`: these were asked for by name, so each is told, also where nothing changed."""
    quiet = 0
    begun = False
    for past in pasts:
        if not alone and not _changed(past):
            quiet += 1
            continue
        if begun:
            yield ""
        begun = True
        yield from _lines(past, since, style)
    if quiet:
        if begun:
            yield ""
        yield translate(msg("Without a change: {count}", count=quiet))


def _changed(past: Past) -> bool:
    return any(each.what is not What.FIRST for each in past.changes)


def _lines(past: Past, since: float, style: Style) -> Iterator[str]:
    subject = past.subject
    yield style.paint(plain(subject.name, 80), "1") + f"  {plain(subject.engine, 40)}"
    began = max(since, past.first if past.first is not None else since)
    text = msg("Since {moment}: {told}", moment=words.clock(began), told=headline(past))
    yield from wrap(translate(text), "  ", style)
    for change in past.changes:
        when = words.clock(change.at)
        said = words.sentence(change)
        if change.unseen_from is not None:
            said = translate(msg("{what} (while nothing was recording, after {moment})", what=said,
                                 moment=words.clock(change.unseen_from)))  # fmt: skip
        first, *rest = wrap(said, " " * (len(when) + 4), style, _LOUD.get(change.what, ""))
        yield f"  {when}  {first.lstrip()}"
        yield from rest
    yield from wrap(_uses(past), "  ", style)
    seen = sum(each.until - each.began for each in past.watched)
    if past.first is not None:
        yield from wrap(translate(msg("Watched while it ran: {time}", time=age(seen))), "  ", style, "2")


def _uses(past: Past) -> str:
    peaks, limits = past.peaks, past.now.limits
    told = []
    for name in MEASURES:
        peak = None if peaks is None else getattr(peaks, f"{name}_peak")
        if peak is None:
            continue
        limit = getattr(limits, name, None)
        word = words.MEASURES[name]
        if limit:
            text = msg("{measure}: at most {peak} of {limit}", measure=word, peak=words.amount(name, peak),
                       limit=words.amount(name, limit))  # fmt: skip
        else:
            text = msg("{measure}: at most {peak}", measure=word, peak=words.amount(name, peak))
        told.append(translate(text))
    return listed(told)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"

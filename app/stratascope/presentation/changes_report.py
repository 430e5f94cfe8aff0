"""What changed over all containers, told once for the window and for `history --all`: what happened in words, when, and
who did it; as text and as JSON (a contract).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope.core.history.fold import MADE_ANEW, What, up
from stratascope.core.history.machine import Direction, Moved, counted
from stratascope.core.message import Message, msg, plural
from stratascope.core.options.given import layer_of
from stratascope.core.sanitize import plain
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.history_report import (
    When,
    clock,
    drift_words,
    image_change,
    layer_changes,
    number,
    only,
    revalued,
    sentence,
    some,
    threat_title,
    threats_named,
)
from stratascope.presentation.setting_words import setting_words
from stratascope.presentation.terminal import Style, wrap
from stratascope.presentation.terms import timestamp
from stratascope.presentation.threat_outcomes import small

TITLES = {
    Direction.WORSE: msg("Worse"),
    Direction.NEW: msg("New"),
    Direction.BETTER: msg("Better"),
    Direction.GONE: msg("Gone"),
    Direction.OTHER: msg("Other changes"),
}
NOBODY_KNOWN = msg("not known who")
_MOST = 3  # things said of a row; the rest is counted
_OWNERS = {"compose": msg("Compose"), "systemd": msg("systemd")}


def name_of(row: Moved) -> str:
    """The container's name; the machine's where all of them are meant."""
    return translate(msg("This machine")) if row.everywhere else plain(row.subject.name, 80)


def pill_of(row: Moved) -> str:
    """How many containers the row is about, if more than one."""
    count = len(row.subjects)
    if row.everywhere:
        return translate(msg("all {count}", count=count) if count == row.of else msg("{count} of {all}", count=count,
                                                                                      all=row.of))  # fmt: skip
    return f"×{count}" if count > 1 else ""


def what_happened(row: Moved) -> str:
    """What changed, in words: what it was granted first."""
    if row.everywhere:
        return _of_all(row)
    if row.direction is Direction.GONE:
        return _gone(row)
    if row.direction is Direction.NEW:
        return _could(row)
    made = next((each.what for each in reversed(row.changes) if each.what in MADE_ANEW), None)
    told = [drift_words(each) for each in row.sessions]
    settings = [] if made is What.UNDONE else settings_told(row)
    if made is What.UNDONE:
        told.insert(0, _undone(row))
    if settings:
        rest = map(small, settings[1:])
        told.append(listed([settings[0], *rest], _MOST if len(settings) > _MOST else 0))
    if made is What.RELAUNCHED and not settings:  # else they say it, and who did it stands below
        told += [sentence(each) for each in row.changes if each.what is What.RELAUNCHED][-1:]
    if row.image_moved and row.then.image is not None and row.now.image is not None:
        told.append(translate(image_change(plain(row.then.image.name, 80), plain(row.now.image.name, 80))))
    if not told or (row.opened and made is not What.UNDONE):
        told += _consequences(row)
    if made is not What.UNDONE:
        told += _passed(row)
    told += _lives(row)
    if not told:
        told = list(dict.fromkeys(sentence(each) for each in row.changes if each.what is not What.EXPOSURE))
    return _sentences(told) or translate(msg("What it could do changed"))


def _undone(row: Moved) -> str:
    if row.after is None:
        return translate(msg("Undone: the relaunch was taken back"))
    return translate(msg("Undone: back at {number}", number=number(row.after)))


def _sentences(parts: list[str]) -> str:
    """One after the other, the first few; the rest is counted."""
    shown, more = parts[:_MOST], len(parts) - _MOST
    if more > 0:
        shown.append(translate(plural("{count} more", "{count} more", more)))
    text = ""
    for each in shown:
        text = translate(msg("{one}. {two}", one=text, two=each)) if text else each
    return text


def settings_told(row: Moved) -> list[str]:
    """The options that changed, in words."""
    changed = [f"{plain(was, 80)} → {plain(now, 80)}" for was, now in revalued(row.lost, row.gained)]
    gained, lost = only(row.gained, row.lost), only(row.lost, row.gained)
    if "--privileged" in lost:  # which gave it every capability: those by name are what it is left with
        gained = [each for each in gained if not each.startswith("--cap-add ")]
    came, went = ([setting_words(each, came=flag) for each in some] for some, flag in ((gained, True), (lost, False)))
    return [*went, *changed, *came] if row.direction is Direction.BETTER else [*came, *changed, *went]


def _consequences(row: Moved) -> list[str]:
    if row.opened:
        return [translate(msg("Now open: {threats}", threats=threats_named(row.opened)))]
    if row.layers:
        return layer_changes(*_verdicts(row))
    if row.closed:
        return [translate(msg("No longer open: {threats}", threats=threats_named(row.closed)))]
    return []


def _passed(row: Moved) -> list[str]:
    """What came and went; the threats only where no option tells of them."""
    found = []
    if what := [plain(each, 80) for each in row.passed] or [*map(threat_title, row.passed_threats)]:
        found.append(translate(msg("Came and went: {what}", what=some(what))))
    if without := only(row.returned, row.passed):
        found.append(translate(msg("Was without it meanwhile: {what}", what=some(without))))
    if sessions := [plain(each.command, 40) for each in row.passed_sessions]:
        text = msg("Processes with other rights came and went: {commands}", commands=some(sessions))
        found.append(translate(text))
    return found


def _verdicts(row: Moved) -> tuple[list[str], list[str]]:
    return [f"{layer} {was}" for layer, was, _ in row.layers], [f"{layer} {now}" for layer, _, now in row.layers]


def _of_all(row: Moved) -> str:
    parts = layer_changes(*_verdicts(row)) if row.layers else _consequences(row)
    return listed(parts) if parts else translate(msg("What all of them could do changed, by nothing of their own"))


def _could(row: Moved) -> str:
    if row.now.threats is None:
        run = row.now.run
        if up(run):
            return translate(msg("Not read yet"))
        ran = run is not None and (run.started or run.exit_code is not None)
        return translate(msg("It does not run") if ran else msg("It has not run yet"))
    if not row.now.threats:
        return translate(msg("Nothing serious is open in it"))
    return translate(msg("It could: {threats}", threats=threats_named(row.now.threats[:2])))


def _gone(row: Moved) -> str:
    short = row.then.run is None
    if short and row.now.threats:
        threats = threats_named(row.now.threats[:2])
        return translate(msg("Came and went. It could: {threats}", threats=threats))
    return translate(msg("Came and went") if short else msg("Removed"))


def _lives(row: Moved) -> list[str]:
    """Restarts, ends, and refusals."""
    found = []
    if again := row.restarts:
        if len(again) > 1:
            found.append(translate(plural("Restarted {count} time", "Restarted {count} times", len(again))))
        elif not row.now.run or up(row.now.run):
            found.append(sentence(again[-1]))
    ended = next((each for each in reversed(row.changes) if each.what is What.ENDED), None)
    if ended is not None and not up(row.now.run):
        found.append(sentence(ended))
    differs = row.gained or row.lost or row.passed or row.returned or row.image_moved
    if any(each.what is What.REPLACED for each in row.changes) and not differs:
        found.append(translate(msg("Re-created with the same settings")))
    if row.refused:
        text = plural("{count} call was refused", "{count} calls were refused", row.refused)
        found.append(translate(text))
    return found


def who_did(row: Moved) -> str:
    """Who did it, as far as it is known: who started it, by the kernel's audit; Compose, systemd or Stratascope."""
    made = row.now.made
    if row.everywhere:
        return ""
    last = next((each for each in reversed(row.changes) if each.what in (*MADE_ANEW, What.RESTARTED)), None)
    if last is not None and last.what in (What.RELAUNCHED, What.UNDONE):
        return translate(msg("you, with Stratascope"))
    if last is not None and last.out_of_memory:
        return translate(msg("the kernel, out of memory"))
    if made is None or (last is None and row.direction is not Direction.NEW):
        return translate(NOBODY_KNOWN)
    parts = [plain(made.by, 40)] if made.by else []
    if made.owner in _OWNERS and (last is None or last.what in MADE_ANEW):
        parts.append(translate(_OWNERS[made.owner]))
    return listed(parts) if parts else translate(NOBODY_KNOWN)


def when_told(row: Moved, when: When = clock) -> str:
    """When it last changed; if nothing was recording then, since when it may have been."""
    if row.unseen_from is None:
        return when(row.at)
    return translate(msg("between {from_} and {until}, while nothing was recording", from_=small(when(row.unseen_from)),
                         until=small(when(row.at))))  # fmt: skip


def layer_with(row: Moved) -> str:
    """The id of the layer that the row is most about, or empty."""
    fields = [field.partition(".")[0] for each in row.sessions for field in each.fields]
    options = [layer_of(each) for each in (*row.gained, *row.lost, *row.passed, *row.returned)]
    known = threats_by_id()
    first = [known[each].first for each in (*row.opened, *row.closed) if each in known]
    if row.direction in (Direction.NEW, Direction.GONE):
        first = [known[each].first for each in row.now.threats or () if each in known][:1]
    return next((each for each in (*fields, *options, *(each for each, _, _ in row.layers), *first) if each), "")


def summary(rows: tuple[Moved, ...]) -> Message:
    """How many containers went which way."""
    count = counted(rows)
    return msg("{worse} worse, {new} new, {better} better, {gone} gone", worse=count[Direction.WORSE],
               new=count[Direction.NEW], better=count[Direction.BETTER], gone=count[Direction.GONE])  # fmt: skip


SCHEMA = 1


def json_object(rows: tuple[Moved, ...], since: float, until: float, began: float | None) -> dict[str, Any]:
    """The rows as JSON types; times are UTC. `began`: since when this machine is recorded."""
    return {
        "schema": SCHEMA,
        "since": timestamp(since),
        "until": timestamp(until),
        "recorded_since": None if began is None else timestamp(began),
        "counts": {direction.value: count for direction, count in counted(rows).items()},
        "changes": [_row(row) for row in rows],
    }


def _row(row: Moved) -> dict[str, Any]:
    made, was, now, who = row.now.made, row.then.image, row.now.image, who_did(row)
    return {
        "direction": row.direction.value,
        "everywhere": row.everywhere,
        "containers": [
            {"engine": each.engine, "name": each.name} for each in row.subjects
        ],
        "id": None if made is None or row.everywhere else made.id,
        "at": timestamp(row.at),
        "unseen_from": None if row.unseen_from is None else timestamp(row.unseen_from),
        "what": what_happened(row),
        "who": who if who not in ("", translate(NOBODY_KNOWN)) else None,
        "before": row.before,
        "after": row.after,
        "layer": layer_with(row) or None,
        "layers": [{"layer": each, "before": before, "after": after} for each, before, after in row.layers],
        "gained": list(row.gained),
        "lost": list(row.lost),
        "opened": list(row.opened),
        "closed": list(row.closed),
        "sessions": [{"command": each.command, "kind": each.kind, "drift": list(each.fields)} for each in row.sessions],
        "image": {"before": None if was is None else was.name, "after": None if now is None else now.name},
        "restarts": len(row.restarts),
        "refused": row.refused,
        "events": [each.what.value for each in row.changes],
    }  # fmt: skip


_INKS = {Direction.WORSE: "31", Direction.NEW: "1", Direction.BETTER: "32"}


def lines(rows: tuple[Moved, ...], since: float, style: Style, began: float | None = None) -> Iterator[str]:
    """The rows as lines, by direction. `began`: since when this machine is recorded."""
    if began is not None and began > since:
        head = msg("Since {moment}, when recording began: {told}", moment=clock(began), told=summary(rows))
    else:
        head = msg("Since {moment}: {told}", moment=clock(since), told=summary(rows))
    yield from wrap(translate(head), "", style)
    shown: Direction | None = None
    for row in rows:
        if row.direction is not shown:
            shown = row.direction
            yield ""
            yield style.paint(translate(TITLES[shown]), _INKS.get(shown, "1"))
        yield from _lines(row, style)


def _lines(row: Moved, style: Style) -> Iterator[str]:
    name = " ".join(each for each in (name_of(row), pill_of(row)) if each)
    place = "" if row.everywhere else f"  {plain(row.subject.engine, 40)}"
    yield f"  {style.paint(f'{numbers_told(row):>12}', '1')}  {style.paint(name, '1')}{place}"
    yield from wrap(what_happened(row), " " * 16, style)
    told = " · ".join(each for each in (when_told(row), who_did(row)) if each)
    yield from wrap(told, " " * 16, style, "2")


def numbers_told(row: Moved) -> str:
    """The exposure before and after: `4.0 → 10.0`; one number where only one is known, or both are the same."""
    if row.direction is Direction.NEW or (row.before is None and row.after is not None):
        return number(row.after)
    if row.after is None or row.before == row.after:
        return number(row.before)
    return f"{number(row.before)} → {number(row.after)}"

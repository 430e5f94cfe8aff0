"""A container's history: a sentence per change, the differences since a moment, and `history` as text and JSON (a
contract). Shared by the window and the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from stratascope.core.history.entry import Exposed, Standing, Unlike
from stratascope.core.history.fold import MADE_ANEW, MEASURES, RESTARTS, Change, Past, What, other_reader, up
from stratascope.core.layer import Verdict
from stratascope.core.message import Message, age, became, colon, msg, plural
from stratascope.core.options.given import layer_of, measure_of
from stratascope.core.sanitize import plain
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation.terminal import Style, wrap
from stratascope.presentation.terms import VERDICTS, amount, timestamp
from stratascope.presentation.threat_outcomes import small
from stratascope.value import Value, replace

_SHOWN = 4  # items shown of a list; the rest is counted
MEASURE_WORDS = {
    "memory": msg("Memory"),
    "cpu": msg("CPU"),
    "pids": msg("Processes"),
    "io": msg("Disk"),
}
_PLAIN = {
    What.FIRST: msg("First seen"),
    What.STARTED: msg("Started"),
    What.GONE: msg("Removed"),
    What.REPLACED: msg("Re-created"),
    What.UNDONE: msg("The relaunch was undone"),
}


def sentence(change: Change) -> str:
    """A change in the user's language."""
    if change.what in _PLAIN:
        return translate(_PLAIN[change.what])
    match change.what:
        case What.RESTARTED | What.ENDED:
            return translate(_ended(change))
        case What.RELAUNCHED:
            if not change.plus:
                return translate(msg("Relaunched by Stratascope"))
            return translate(msg("Relaunched by Stratascope: {choices}", choices=some(change.plus)))
        case What.IMAGE:
            return translate(image_change(some(change.minus), some(change.plus)))
        case What.SETTINGS:
            return translate(msg("Settings: {changes}", changes=signed(change)))
        case What.LIMITS:
            return translate(msg("Limits, changed outside the engine: {changes}", changes=signed(change)))
        case What.EXPOSURE:
            return translate(msg("Exposure {before} → {after}", before=number(change.before),
                                 after=number(change.after)))  # fmt: skip
        case What.LAYERS:
            return listed(layer_changes(change.minus, change.plus))
        case What.OPENED:
            return translate(msg("Now open: {threats}", threats=threats_named(change.plus)))
        case What.CLOSED:
            return translate(msg("No longer open: {threats}", threats=threats_named(change.minus)))
        case What.DRIFT:
            return listed(drift_words(each) for each in change.drift[:_SHOWN])
        case What.DRIFT_ENDED:
            return translate(msg("Ended, or like the first process again: {processes}",
                                 processes=some(each.command for each in change.drift)))  # fmt: skip
    return translate(plural("{count} refusal", "{count} refusals", max(1, len(change.plus))))


def image_change(before: str, after: str) -> Message:
    """A change of the image's name, or to another image with the same name."""
    if before == after:
        return msg("Another image of the same name: {name}", name=after)
    return msg("Image: {before} → {after}", before=before, after=after)


def _ended(change: Change) -> Message:
    again = change.what is What.RESTARTED
    if change.out_of_memory:
        return msg("Restarted after running out of memory") if again else msg("Ended: it ran out of memory")
    if change.code is None:
        return msg("Restarted") if again else msg("Ended")
    if again:
        return msg("Restarted after exit code {code}", code=change.code)
    return msg("Ended with exit code {code}", code=change.code)


def drift_words(unlike: Unlike) -> str:
    """A process whose rights differ from the first's, and in which layers."""
    layers = dict.fromkeys(field.partition(".")[0] for field in unlike.fields)
    fields = listed(layer_title(each) for each in layers)
    command = plain(unlike.command, 40)
    if unlike.kind:
        return translate(msg("A session ({command}) differs from the first process: {fields}", command=command,
                             fields=fields))  # fmt: skip
    return translate(msg("{command} differs from the first process: {fields}", command=command, fields=fields))


def signed(change: Change) -> str:
    """`+ a, − b`; an option whose value changed as `a → b`."""
    return some(
        (
            *(f"{before} → {after}" for before, after in revalued(change.minus, change.plus)),
            *(f"+ {each}" for each in only(change.plus, change.minus)),
            *(f"− {each}" for each in only(change.minus, change.plus)),
        )
    )


def revalued(minus: Iterable[str], plus: Iterable[str]) -> list[tuple[str, str]]:
    """Options whose value changed, where each was given once: `--memory 64m`."""
    before, after = _by_word(minus), _by_word(plus)
    return [
        (olds[0], after[word][0]) for word, olds in before.items() if len(olds) == 1 and len(after.get(word, ())) == 1
    ]


def only(these: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those without a counterpart in `revalued`."""
    one, other = _by_word(these), _by_word(others)
    return [
        each for word, every in one.items() for each in every if not (len(every) == 1 and len(other.get(word, ())) == 1)
    ]


def _by_word(flags: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in flags:
        word = each.partition(" ")[0]
        name = each.partition("=")[0] if word in ("--security-opt", "--ulimit") else word
        found.setdefault(name, []).append(each)
    return found


def layer_changes(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Texts like `Seccomp: Enforced → Open`, from entries like `seccomp ENFORCED`."""
    was = dict(each.split(" ", 1) for each in before if " " in each)
    found = []
    for each in after:
        layer, _, verdict = each.partition(" ")
        if layer in was:
            found.append(translate(colon(layer_title(layer), became(_verdict(was[layer]), _verdict(verdict)))))
    return found


def _verdict(text: str) -> Message | str:
    return VERDICTS[Verdict(text)] if text in [each.value for each in Verdict] else plain(text, 20)


def some(texts: Iterable[str]) -> str:
    """The first few, and the number of the others."""
    every = [plain(each, 200) for each in texts]
    return listed(every, _SHOWN if len(every) > _SHOWN + 1 else 0)


def threat_title(threat: str) -> str:
    """A threat's title by its id; the id itself if this version does not know it."""
    found = threats_by_id().get(threat)
    return plain(threat, 80) if found is None else translate(found.title)


def threats_named(threats: Iterable[str]) -> str:
    """The first few by their titles, inside a sentence."""
    return some(small(threat_title(each)) for each in threats)


def layer_title(layer: str) -> str:
    """A layer's title by its id."""
    found = _layer_titles().get(layer)
    return plain(layer, 40) if found is None else translate(found)


@cache
def _layer_titles() -> dict[str, Message]:
    return {each.id: each.about.title for each in all_layers()}


def number(value: float | None) -> str:
    """An exposure as text, the same in every language."""
    return "–" if value is None else f"{value:.1f}"


def clock(at: float) -> str:
    """A moment in this machine's time zone, to the minute."""
    when = datetime.fromtimestamp(at).astimezone()
    return f"{when:%Y-%m-%d %H:%M}"


When = Callable[[float], str]
_WEAKER = (Verdict.ENFORCED.value, Verdict.WEAKENED.value, Verdict.OPEN.value)
_EACH = 3  # threats with a line of their own; the rest share one


class Sign(StrEnum):
    CAME = "+"
    WENT = "−"
    SAME = "="


class Target(StrEnum):
    """The page that shows more about a line."""

    NOWHERE = ""
    THREAT = "threat"  # `where`: its id
    LAYER = "layer"  # `where`: its id
    DENIED = "denied"
    PROCESSES = "processes"
    LOGS = "logs"


class Line(Value):
    """One line. `tone`: bad, good or plain; `layer`: the id of its layer, if any; `logs`: whether the log shows more.

    What a toggle would have to repair, else empty: `opened`, the id of a threat that is open now; `unlimited`, a
    resource that lost its limit (`core.history.flags.measure_of`); `weaker`, the id of a layer that became weaker.
    """

    sign: Sign
    tone: str
    text: str
    note: str = ""
    layer: str = ""
    place: Target = Target.NOWHERE
    where: str = ""
    logs: bool = False
    opened: str = ""
    unlimited: str = ""
    weaker: str = ""


def headline(past: Past) -> Message:
    """How the exposure changed in that time, and the number of other changes."""
    before, now = past.then.exposed, past.now.exposed
    count = len([each for each in past.changes if each.what is not What.FIRST])
    told = plural("{count} change", "{count} changes", count)
    if now is None or not up(past.now.run):
        return msg("it does not run; {changes}", changes=told) if not up(past.now.run) else told
    worst = number(now.worst)
    if before is None or other_reader(past.then, past.now):
        return msg("exposure {now}, read as root; {changes}", now=worst, changes=told) if now.root else (
            msg("exposure {now}; {changes}", now=worst, changes=told))  # fmt: skip
    if number(before.worst) == worst and not count:
        return msg("exposure {now}, nothing changed", now=worst)
    if number(before.worst) == worst:
        return msg("exposure {now}, unchanged; {changes}", now=worst, changes=told)
    return msg("exposure {before} → {now}; {changes}", before=number(before.worst), now=worst, changes=told)


def since_lines(past: Past, refused: int = 0, when: When = clock) -> tuple[Line, ...]:
    """The differences, worst first. `refused`: the number of recent refusals; `when`: formats a moment."""
    then, now = past.then, past.now
    found = [*_drift(then, now), *_threats(then, now), *_settings(then, now), *_layers(then, now)]
    if refused:
        text = plural("{count} call was refused in the last 24 hours",
                      "{count} calls were refused in the last 24 hours", refused)  # fmt: skip
        found.append(Line(Sign.CAME, "bad", translate(text), place=Target.DENIED, logs=True))
    found += _lives(past, when)
    found += _use(past)
    return tuple(found)


def _drift(then: Standing, now: Standing) -> Iterator[Line]:
    if now.drift is None or not up(now.run):
        return
    before = then.drift or ()
    for each in now.drift:
        layer = each.fields[0].partition(".")[0] if each.fields else ""
        sign, tone = (Sign.SAME, "plain") if each in before else (Sign.CAME, "bad")
        yield Line(sign, tone, drift_words(each), "", layer, Target.PROCESSES)


def _first(threat: str) -> str:
    """The layer that should stop this threat first."""
    found = threats_by_id().get(threat)
    return "" if found is None else found.first


def _threats(then: Standing, now: Standing) -> Iterator[Line]:
    if then.threats is None or now.threats is None or other_reader(then, now):
        return
    opened = [each for each in now.threats if each not in then.threats]
    for each in opened[:_EACH]:
        text = msg("Now open: {threats}", threats=threats_named([each]))
        yield Line(Sign.CAME, "bad", translate(text), "", _first(each), Target.THREAT, each, opened=each)
    if more := opened[_EACH:]:
        text = plural("{count} more serious threat is now open", "{count} more serious threats are now open", len(more))
        yield Line(Sign.CAME, "bad", translate(text), some(map(threat_title, more)), "", Target.THREAT, more[0])
    closed = [each for each in then.threats if each not in now.threats]
    for each in closed[:_EACH]:
        text = msg("No longer open: {threats}", threats=threats_named([each]))
        yield Line(Sign.WENT, "good", translate(text), "", _first(each), Target.THREAT, each)
    if more := closed[_EACH:]:
        text = plural("{count} more serious threat is no longer open",
                      "{count} more serious threats are no longer open", len(more))  # fmt: skip
        yield Line(Sign.WENT, "good", translate(text), some(map(threat_title, more)), "", Target.THREAT, more[0])


def _settings(then: Standing, now: Standing) -> Iterator[Line]:
    if then.image is not None and now.image is not None and then.image != now.image:
        yield Line(Sign.SAME, "plain", translate(image_change(then.image.name, now.image.name)))
    was, new = set(then.settings or ()), set(now.settings or ())
    if then.settings is None or was == new:
        return
    plus = [each for each in now.settings or () if each not in was]
    minus = [each for each in then.settings if each not in new]
    for before_flag, after_flag in revalued(minus, plus):
        text = msg("Setting: {before} → {after}", before=before_flag, after=after_flag)
        yield _setting(Sign.SAME, text, after_flag)
    for each in only(plus, minus):
        yield _setting(Sign.CAME, msg("Setting: {setting}", setting=each), each)
    for each in only(minus, plus):
        line = _setting(Sign.WENT, msg("Setting: {setting}", setting=each), each)
        yield replace(line, unlimited=measure_of(each))


def _setting(sign: Sign, text: Message, flag: str) -> Line:
    layer = layer_of(flag)
    return Line(sign, "plain", translate(text), "", layer, Target.LAYER if layer else Target.NOWHERE, layer)


def _layers(then: Standing, now: Standing) -> Iterator[Line]:
    if then.layers is None or now.layers is None or other_reader(then, now):
        return
    was = dict(then.layers)
    for layer, verdict in now.layers:
        if layer in was and was[layer] != verdict:
            (text,) = layer_changes([f"{layer} {was[layer]}"], [f"{layer} {verdict}"])
            weaker = layer if _rank(verdict) > _rank(was[layer]) else ""
            yield Line(Sign.SAME, "plain", text, "", layer, Target.LAYER, layer, weaker=weaker)


def _rank(verdict: str) -> int:
    """The rank of a verdict: higher is weaker; unknown ranks as the strongest."""
    return _WEAKER.index(verdict) if verdict in _WEAKER else 0


def _lives(past: Past, when: When) -> Iterator[Line]:
    """Lines about relaunches, restarts and ends."""
    for change in past.changes:
        if change.what in MADE_ANEW:
            yield Line(Sign.SAME, "plain", sentence(change), when(change.at))
    restarts = [each for each in past.changes if each.what in RESTARTS]
    if restarts:
        text = plural("{count} restart, at {at}", "{count} restarts, the last at {at}", len(restarts),
                      at=when(restarts[-1].at))  # fmt: skip
        notes = []
        same = past.then.settings == past.now.settings and past.then.image == past.now.image
        if same:
            notes.append(translate(msg("the same image, the same settings")))
        if restarts[-1].code is not None:
            notes.append(translate(msg("exit code {code}", code=restarts[-1].code)))
        yield Line(Sign.SAME, "plain", translate(text), listed(notes), logs=True)
    last = next((each for each in reversed(past.changes) if each.what in (What.ENDED, What.GONE)), None)
    if last is not None and not up(past.now.run):
        yield Line(Sign.WENT, "bad", sentence(last), when(last.at), logs=True)


def _use(past: Past) -> Iterator[Line]:
    peaks, limits = past.peaks, past.now.limits
    if peaks is None:
        return
    told = []
    if peaks.memory_peak is not None:
        limit = None if limits is None else limits.memory
        if limit:
            told.append(msg("memory {peak} of {limit}", peak=amount("memory", peaks.memory_peak),
                            limit=amount("memory", limit)))  # fmt: skip
        else:
            told.append(msg("memory {peak}", peak=amount("memory", peaks.memory_peak)))
    if peaks.cpu_peak is not None:
        told.append(msg("{cores} CPU", cores=amount("cpu", peaks.cpu_peak)))
    if peaks.pids_peak is not None:
        told.append(plural("{count} process", "{count} processes", round(peaks.pids_peak)))
    if told:
        text = msg("Peak use: {uses}", uses=listed(map(translate, told)))
        yield Line(Sign.SAME, "plain", translate(text), "", "cgroup", Target.LAYER, "cgroup")


SCHEMA = 1
_LOUD = {What.OPENED: "31", What.DRIFT: "31", What.CLOSED: "32"}


def json_object(pasts: tuple[Past, ...], since: float, until: float) -> dict[str, Any]:
    """The history as JSON types; times are UTC."""
    return {
        "schema": SCHEMA,
        "since": timestamp(since),
        "until": timestamp(until),
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
        "first_seen": None if past.first is None else timestamp(past.first),
        "watched_seconds": round(sum(each.until - each.began for each in past.watched)),
        "exposure": {"before": _exposed(past.then.exposed), "now": _exposed(past.now.exposed)},
        "restarts": sum(each.what in RESTARTS for each in past.changes),
        "changes": [_change(each) for each in past.changes],
        "use": _use_object(past),
    }


def _exposed(value: Exposed | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"worst": round(value.worst, 1), "at_best": round(value.best, 1), "root": value.root}


def _change(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"at": timestamp(change.at), "what": change.what.value, "text": sentence(change)}
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
        found["unseen_from"] = timestamp(change.unseen_from)
    return found


def _use_object(past: Past) -> dict[str, Any]:
    """Peak use in bytes, cores, processes, and bytes per second of disk I/O; null if unreadable."""
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
    """The history as lines. `alone`: containers given by name are printed even if nothing changed."""
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
    text = msg("Since {moment}: {told}", moment=clock(began), told=headline(past))
    yield from wrap(translate(text), "  ", style)
    for change in past.changes:
        when = clock(change.at)
        said = sentence(change)
        if change.unseen_from is not None:
            said = translate(msg("{what} (while nothing was recording, after {moment})", what=said,
                                 moment=clock(change.unseen_from)))  # fmt: skip
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
        word = MEASURE_WORDS[name]
        if limit:
            text = msg("{measure}: at most {peak} of {limit}", measure=word, peak=amount(name, peak),
                       limit=amount(name, limit))  # fmt: skip
        else:
            text = msg("{measure}: at most {peak}", measure=word, peak=amount(name, peak))
        told.append(translate(text))
    return listed(told)

"""What is different between a moment and now, as lines: what came (+), what went (−), and what else happened (=)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

from stratascope.core.history.changes import MADE_ANEW, RESTARTS, What, other_reader, up
from stratascope.core.history.entry import Standing
from stratascope.core.history.fold import Past
from stratascope.core.layer import Verdict
from stratascope.core.message import Message, msg, plural
from stratascope.core.options.words import layer_of, measure_of
from stratascope.core.threats.catalogue import all_threats
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.history_words import (
    amount,
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
)
from stratascope.value import Value, replace

When = Callable[[float], str]
_WEAKER = (Verdict.ENFORCED.value, Verdict.WEAKENED.value, Verdict.OPEN.value)
_EACH = 3  # threats that have a line of their own; the rest has one together


class Sign(StrEnum):
    CAME = "+"
    WENT = "−"
    SAME = "="


class Place(StrEnum):
    """Where more of it is shown."""

    NOWHERE = ""
    THREAT = "threat"  # `where`: its id
    LAYER = "layer"  # `where`: its id
    DENIED = "denied"
    PROCESSES = "processes"
    LOGS = "logs"


class Line(Value):
    """`tone`: bad, good or plain; `layer`: its id, where it belongs to one; `logs`: whether the log tells more of it.

    What a switch would have to mend, each empty where it is not that: `opened`, a threat that is open now (its id);
    `unlimited`, a use that has no limit any more (`core.history.flags.measure_of`); `weaker`, a layer that is (its id).
    """

    sign: Sign
    tone: str
    text: str
    note: str = ""
    layer: str = ""
    place: Place = Place.NOWHERE
    where: str = ""
    logs: bool = False
    opened: str = ""
    unlimited: str = ""
    weaker: str = ""


def headline(past: Past) -> Message:
    """What became of the exposure in that time, and how much changed."""
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


def lines(past: Past, refused: int = 0, when: When = clock) -> tuple[Line, ...]:
    """Worst first; `refused`: how often something was refused to it lately; `when`: a moment in words."""
    then, now = past.then, past.now
    found = [*_drift(then, now), *_threats(then, now), *_settings(then, now), *_layers(then, now)]
    if refused:
        text = plural("{count} call was refused in the last 24 hours",
                      "{count} calls were refused in the last 24 hours", refused)  # fmt: skip
        found.append(Line(Sign.CAME, "bad", translate(text), place=Place.DENIED, logs=True))
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
        yield Line(sign, tone, drift_words(each), "", layer, Place.PROCESSES)


def _threats(then: Standing, now: Standing) -> Iterator[Line]:
    if then.threats is None or now.threats is None or other_reader(then, now):
        return
    first = {each.id: each.first for each in all_threats()}
    opened = [each for each in now.threats if each not in then.threats]
    for each in opened[:_EACH]:
        text = msg("Now open: {threats}", threats=threat_title(each))
        yield Line(Sign.CAME, "bad", translate(text), "", first.get(each, ""), Place.THREAT, each, opened=each)
    if more := opened[_EACH:]:
        text = plural("{count} more serious threat is now open", "{count} more serious threats are now open", len(more))
        yield Line(Sign.CAME, "bad", translate(text), some(map(threat_title, more)), "", Place.THREAT, more[0])
    closed = [each for each in then.threats if each not in now.threats]
    for each in closed[:_EACH]:
        text = msg("No longer open: {threats}", threats=threat_title(each))
        yield Line(Sign.WENT, "good", translate(text), "", first.get(each, ""), Place.THREAT, each)
    if more := closed[_EACH:]:
        text = plural("{count} more serious threat is no longer open",
                      "{count} more serious threats are no longer open", len(more))  # fmt: skip
        yield Line(Sign.WENT, "good", translate(text), some(map(threat_title, more)), "", Place.THREAT, more[0])


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
    return Line(sign, "plain", translate(text), "", layer, Place.LAYER if layer else Place.NOWHERE, layer)


def _layers(then: Standing, now: Standing) -> Iterator[Line]:
    if then.layers is None or now.layers is None or other_reader(then, now):
        return
    was = dict(then.layers)
    for layer, verdict in now.layers:
        if layer in was and was[layer] != verdict:
            (text,) = layer_changes([f"{layer} {was[layer]}"], [f"{layer} {verdict}"])
            weaker = layer if _rank(verdict) > _rank(was[layer]) else ""
            yield Line(Sign.SAME, "plain", text, "", layer, Place.LAYER, layer, weaker=weaker)


def _rank(verdict: str) -> int:
    """The higher, the weaker; what is not known counts as it would at best."""
    return _WEAKER.index(verdict) if verdict in _WEAKER else 0


def _lives(past: Past, when: When) -> Iterator[Line]:
    """Relaunches, restarts, ends."""
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
        yield Line(Sign.SAME, "plain", translate(text), "", "cgroup", Place.LAYER, "cgroup")

"""The page's texts: moments in local time and in the program's language, and what is known of one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta

from PySide6.QtCore import QDateTime, QLocale

from stratascope.core.history.entry import Limits, UsageRow
from stratascope.core.history.fold import MEASURES, Change, Past, Step, What
from stratascope.core.message import Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.text import size_text
from stratascope.i18n.translate import language, listed, translate
from stratascope.presentation import history_report
from stratascope.presentation.terms import amount, exposure_word

HOUR, DAY = 3600.0, 86400.0
_STEPS = (60.0, 300.0, 900.0, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
# the same in the order that Japanese has: month, day, weekday
_JAPANESE = {
    "ddd d MMM HH:mm": "M月d日(ddd) HH:mm",
    "ddd d MMM": "M月d日(ddd)",
    "ddd d": "d日(ddd)",
    "d MMM": "M月d日",
}
_DAYS = (1, 2, 7, 14, 30, 61, 91, 182, 365)


def moment(at: float, *, whole: bool = True) -> str:
    """Format a moment as `Thu 26 Nov 10:42`, or without the time."""
    return _local(at, "ddd d MMM HH:mm" if whole else "ddd d MMM")


def lately(at: float) -> str:
    """Format a moment as `today, 10:42`, `yesterday, 10:42` or as `moment` does."""
    days = (datetime.now().date() - datetime.fromtimestamp(at).date()).days
    if days == 0:
        return translate(msg("Today {time}", time=hour(at)))
    return translate(msg("Yesterday {time}", time=hour(at))) if days == 1 else moment(at)


def hour(at: float) -> str:
    """Format a time as `10:42`."""
    return _local(at, "HH:mm")


def since_word(at: float, now: float) -> str:
    """Return the start of the comparison, as a heading."""
    days = (datetime.fromtimestamp(now).date() - datetime.fromtimestamp(at).date()).days
    if days == 0:
        return translate(msg("Since today, {time}", time=hour(at)))
    if days == 1:
        return translate(msg("Since yesterday, {time}", time=hour(at)))
    return translate(msg("Since {moment}", moment=moment(at)))


def since_pill(at: float, now: float) -> str:
    """Return the start of the comparison, for the pill on the marker."""
    days = (datetime.fromtimestamp(now).date() - datetime.fromtimestamp(at).date()).days
    if days == 0:
        return translate(msg("today, {time}", time=hour(at)))
    return translate(msg("yesterday")) if days == 1 else moment(at, whole=False)


def ticks(since: float, until: float, most: int) -> list[tuple[float, str]]:
    """Return up to `most` moments for the axis, each with its label: full hours, days or months of local time."""
    long = max(1.0, until - since)
    wanted = long / max(1, most)
    step = next((each for each in _STEPS if each >= wanted), None)
    if step is not None:
        start = datetime.fromtimestamp(since).replace(hour=0, minute=0, second=0, microsecond=0)
        at = start.timestamp() + math.ceil((since - start.timestamp()) / step) * step
        found = []
        while at <= until:
            midnight = datetime.fromtimestamp(at).hour == 0 and datetime.fromtimestamp(at).minute == 0
            found.append((at, _local(at, "ddd d" if midnight else "HH:mm")))
            at += step
        return found
    days = next((each for each in _DAYS if each * DAY >= wanted), _DAYS[-1])
    day = datetime.fromtimestamp(since).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    while day.timestamp() <= until:
        if day.timestamp() >= since:
            found.append((day.timestamp(), _local(day.timestamp(), "ddd d" if days < 7 else "d MMM")))
        day += timedelta(days=days)
    return found


def _local(at: float, form: str) -> str:
    form = _JAPANESE.get(form, form) if language() == "ja" else form
    return QLocale(language()).toString(QDateTime.fromSecsSinceEpoch(int(at)), form)


def day_form() -> str:
    """The form of a day's field: `2026-11-30`, in Japanese `2026年11月30日`."""
    return "yyyy年M月d日" if language() == "ja" else "yyyy-MM-dd"


def use_line(measure: str, peaks: UsageRow | None) -> str:
    """Return the measure's name, its current value and its peak in the visible span."""
    now, peak = (None if peaks is None else getattr(peaks, name) for name in (measure, f"{measure}_peak"))
    if now is None or peak is None:
        return translate(msg("not known"))
    return translate(msg("{now}, peak {peak}", now=amount(measure, now), peak=amount(measure, peak)))


def limit_of(limits: Limits | None, name: str) -> float | None:
    """Return the limit of that measure; None if there is none, or it is unknown."""
    found: float | None = getattr(limits, name, None)
    return found


def limit_line(measure: str, past: Past, proposed: Limits) -> tuple[str, bool]:
    """Return the current and proposed limits, and whether there is none. Empty if nothing is known."""
    limits, parts = past.now.limits, list[str]()
    limit = None if limits is None else limit_of(limits, measure)
    if limits is not None and measure != "io":
        parts.append(translate(msg("no limit") if limit is None else msg("limit {limit}",
                                                                         limit=amount(measure, limit))))  # fmt: skip
    if (better := limit_of(proposed, measure)) is not None:
        parts.append(translate(msg("proposed: {limit}", limit=amount(measure, better))))
    return listed(parts), bool(parts) and limits is not None and limit is None


def scale_word(measure: str, value: float) -> str:
    """Return the label at the top of a scale."""
    return size_text(value).removesuffix("iB") if measure in ("memory", "io") else f"{value:g}"


def flag_word(change: Change) -> str:
    """Return the text next to a flag, if it fits: options without dashes, and little more."""
    match change.what:
        case What.SETTINGS:
            return history_report.signed(change)
        case What.IMAGE:
            return ", ".join(plain(each, 40) for each in change.plus)
        case What.RELAUNCHED:
            return translate(msg("relaunched"))
        case What.UNDONE:
            return translate(msg("undone"))
        case What.REPLACED:
            return translate(msg("re-created"))
    return ""


def told_at(at: float, past: Past, near: Iterable[Change]) -> str:
    """Return all that is known of one moment, for screen readers and for the line above the chart."""
    parts = [history_report.sentence(each) for each in near]
    parts += [translate(each) for each in _known(at, past)]
    text = listed(parts) if parts else translate(msg("nothing is known"))
    return translate(colon(moment(at), text))


def _known(at: float, past: Past) -> list[Message]:
    found: list[Message] = []
    step = step_at(at, past)
    if step is not None and step.exposed is not None:
        worst = step.exposed.worst
        found.append(msg("exposure {number}, {word}", number=f"{worst:.1f}", word=exposure_word(worst)))
    row = used_at(at, past)
    if row is not None:
        for name in MEASURES:
            value = getattr(row, name)
            if value is not None:
                found.append(msg("{measure} {amount}", measure=history_report.MEASURE_WORDS[name],
                                 amount=amount(name, value)))  # fmt: skip
    return found


def step_at(at: float, past: Past) -> Step | None:
    """Return the state at that moment; None if unknown."""
    return next((each for each in past.steps if each.began <= at <= each.until), None)


def used_at(at: float, past: Past) -> UsageRow | None:
    """Return the usage at about that moment."""
    if not past.used or not past.since <= at <= past.until:
        return None
    width = (past.until - past.since) / len(past.used)
    return past.used[min(len(past.used) - 1, int((at - past.since) / width))]

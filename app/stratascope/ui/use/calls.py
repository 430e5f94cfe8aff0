"""System calls: how many of those that pass are used, since when no new one came, and the notable ones with reasons."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, age, msg, plural
from stratascope.core.observation.harmless import notable_reason
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.use_picture import CallsUse, UsePicture
from stratascope.ui.kit.labels import Line
from stratascope.ui.kit.theme import Theme
from stratascope.ui.use.card import Card, by_words
from stratascope.ui.use.chart import CountBar, GrowthChart, Segment
from stratascope.ui.use.flow import Word, WordLine
from stratascope.ui.use.rows import Cell, Row
from stratascope.ui.use.table import RowTable

QUIET = 60.0  # seconds without a new call that are worth a word


def quiet_words(calls: CallsUse) -> str:
    """How many calls are known, and for how long none was new; flat means learned."""
    if not calls.growth:
        return ""
    last, count = calls.growth[-1]
    quiet = calls.seconds - last
    if quiet < QUIET:
        return translate(plural("{count} call known, the last one is new", "{count} calls known, the last one is new",
                                count))  # fmt: skip
    return translate(plural("{count} call known, none new for {age}", "{count} calls known, none new for {age}",
                            count, age=age(quiet)))  # fmt: skip


class CallsCard(Card):
    """Bar, chart, table."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("System calls")), number, ("calls",), parent)
        self.bar = CountBar(theme)
        self.legend = WordLine(theme)
        self.chart = GrowthChart(theme)
        self.quiet = Line(theme, 11, ink="text3")
        self.notable_head = Line(theme, 12, ink="text2")
        heads = tuple(translate(text) for text in (msg("System call"), msg("Why it is listed"), msg("How often")))
        self.notable = RowTable(theme, translate(msg("System calls beyond the harmless ones")), heads, wide=1)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.legend)
        self.body.addWidget(self.chart)
        self.body.addWidget(self.quiet)
        self.body.addWidget(self.notable_head)
        self.body.addWidget(self.notable, 1)
        self.body.addStretch(0)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        calls = picture.calls
        words = _words(calls)
        self.numbers.say(translate(_numbers(calls)))
        self.legend.say(words)
        self.legend.setVisible(bool(words))
        self.bar.show_parts(_segments(calls), listed(word.text for word in words))
        quiet = quiet_words(calls)
        self.chart.show_steps(calls.growth, calls.seconds, quiet)
        self.quiet.say(quiet)
        self.quiet.setVisible(bool(quiet))
        self.notable.show_rows(tuple(_row(picture, place) for place in range(len(calls.notable))))
        count = len(calls.notable)
        self.notable_head.say(
            translate(plural("{count} notable call, let through only where it was seen",
                             "{count} notable calls, let through only where they were seen", count))
        )  # fmt: skip
        self.notable_head.setVisible(bool(calls.notable))


def _numbers(calls: CallsUse) -> Message:
    if calls.used is not None and calls.passing is not None:
        return msg("{used} used of {passing} that pass", used=calls.used, passing=calls.passing)
    if calls.used is not None:
        return msg("{count} used", count=calls.used)
    if calls.passing is not None:
        return _pass(calls.passing)
    return msg("not known")


def _pass(count: int) -> Message:
    return plural("{count} passes", "{count} pass", count)


def _segments(calls: CallsUse) -> tuple[Segment, ...]:
    if calls.passing is None:
        return ()
    if calls.used is None or calls.never is None:
        return (Segment(calls.passing, "unknown"), Segment(calls.refused or 0, "quiet"))
    return (Segment(calls.used, "full"), Segment(calls.never, "hatched"), Segment(calls.refused or 0, "quiet"))


def _words(calls: CallsUse) -> tuple[Word, ...]:
    if calls.passing is None:
        return ()
    found: list[tuple[int, Message, str]] = []
    if calls.used is not None and calls.never is not None:
        found.append((calls.used, msg("{count} used", count=calls.used), "accent"))
        never = plural("{count} passes, never used", "{count} pass, never used", calls.never)
        found.append((calls.never, never, "weak"))
    else:
        found.append((calls.passing, _pass(calls.passing), "text2"))
    refused = calls.refused or 0
    found.append((refused, msg("{count} refused", count=refused), "text2"))
    words = [Word(translate(text), strong=str(count), ink=ink) for count, text, ink in found]
    if calls.dangerous is not None:
        used, there = calls.dangerous
        text = translate(msg("{used} of {count} dangerous ones used", used=used, count=there))
        words.append(Word(text, ink="weak" if used else "enf"))
    return tuple(words)


def _row(picture: UsePicture, place: int) -> Row:
    call = picture.calls.notable[place]
    reason = translate(notable_reason(call.name))
    by = by_words(call.by)
    return (
        Cell(call.name, fixed=True, more=by),
        Cell(reason, ink="text2", more=by),
        Cell(f"{count_text(call.uses)}×", ink="text2", right=True, more=by),
    )

"""The result of trials, on the sheet's last page and on a card of the page "Use": each setting with its value and
reason, its effect, what was compared and what was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.container import Engine
from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.trial import WORKS, Works
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Privilege, PrivilegeState
from stratascope.i18n.translate import listed, together, translate
from stratascope.layers.toggles import toggle
from stratascope.presentation.needs_report import phase_word
from stratascope.presentation.relaunch_words import toggle_title
from stratascope.presentation.terms import seconds_text
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.toggle_row import NUMBER
from stratascope.ui.kit.buttons import Switch
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.relaunch.confirm_page import empty, marked_line, quote_box
from stratascope.ui.use.cards import Card
from stratascope.ui.use.table import Cell, Row, RowTable
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.tighten.tighten import Setting, Tightened
from stratascope.usecases.trial.strategy import ENDS, PURPOSES, Ends, TrialBegun, TrialDone

WORKS_INK = {Works.YES: "enf", Works.BREAKS: "open", Works.REFUSED: "unk", Works.UNKNOWN: "unk"}
_SIGNS = {Works.YES: "tick", Works.BREAKS: "cross"}


def watching(privilege: Privilege, engine: Engine | None) -> Message | None:
    """Return, before the start, whether the twins can be observed, and what that takes."""
    alone = msg("Its twins can't be watched here, so what it needs is found by trials alone, which takes longer.")
    if engine is not None and (engine.rootless or not engine.local):
        return alone
    if privilege.state is PrivilegeState.ON:
        return None
    if privilege.command:
        return msg("Root watches the twins, to see what it needs: you may be asked for a password. Without one, it "
                   "is found by trials alone, which takes longer.")  # fmt: skip
    return None


def trial_row(event: TrialBegun | TrialDone) -> Row:
    """Return a trial as a row: what was tried and the reason for its outcome; outcome; seconds."""
    if isinstance(event, TrialBegun):
        name, what = msg("Trial {number}", number=event.number), translate(PURPOSES[event.attempt.purpose])
        return (Cell(translate(name), below=what, sign="…"), Cell(translate(msg("in progress")), ink="text2"), Cell(""))
    tried = event.tried
    what = translate(PURPOSES[event.purpose])
    why = "" if tried.why is None else plain(translate(tried.why), 400)
    below = translate(msg("{what}: {why}", what=what, why=why)) if why else what
    return (
        Cell(
            translate(msg("Trial {number}", number=event.number)),
            below=below,
            more=plain(tried.words, 400),
            sign=_SIGNS.get(tried.works, "?"),
        ),
        Cell(translate(WORKS[tried.works]), ink=WORKS_INK[tried.works], bold=True),
        Cell(seconds_text(tried.seconds), ink="text2", right=True),
    )


def sheet_title(done: Tightened, asked: int, found: Sequence[Setting]) -> Message:
    """Return the title of the result. `asked`: how many settings were chosen to be tried; 0: they were derived."""
    count, loosened = len(done.choices), sum(each.loosened for each in found)
    if done.verdict.ends is not Ends.FOUND:
        return ENDS[done.verdict.ends]
    if asked and count == asked and loosened:
        return plural("It breaks with all of them, and works with {count} value loosened.",
                      "It breaks with all of them, and works with {count} values loosened.", loosened)  # fmt: skip
    if asked and count == asked:
        return msg("It works with everything that is switched on.")
    if asked:
        return msg("It breaks with all of them, and works with {count} of {asked}.", count=count, asked=asked)
    return plural("It works with {count} setting.", "It works with {count} settings.", count)


def sheet_lead(done: Tightened) -> str:
    """Return how the result was found."""
    told = [plural("Found in one trial of {seconds} s.", "Found in {count} trials, {seconds} s.", done.trials,
                   seconds=round(done.seconds))]  # fmt: skip
    if done.verdict.ends is not Ends.FOUND:
        told = [done.tried.why] if done.tried is not None and done.tried.why is not None else []
    elif done.needs is not None:
        phases = listed(map(phase_word, done.needs.observation.seen.phases))
        told.append(msg("Seen: {phases}.", phases=phases))
    told.append(msg("Nothing has been changed so far."))
    return together([plain(translate(each), 400) for each in told])


def setting_title(setting: Setting, done: Tightened) -> str:
    """Return the setting with the value that works."""
    name, choice = toggle_title(setting.toggle), setting.choice
    if choice is None:
        return name
    shown = value(choice, done)
    if setting.loosened:
        return translate(msg("{title}, loosened: {value}", title=name, value=shown))
    return translate(msg("{title}: {value}", title=name, value=shown))


def value(choice: Choice, done: Tightened) -> str:
    """Return a value for reading; a seccomp filter as the number of calls it allows."""
    if choice.id == "seccomp" and done.calls is not None:
        return translate(plural("{count} system call passes", "{count} system calls pass", done.calls))
    return plain(choice.readable, 300)


def why_text(setting: Setting) -> str:
    """Return all reasons."""
    return plain(together([translate(each) for each in setting.why]), 600)


def setting_rows(found: Sequence[Setting], done: Tightened) -> tuple[Row, ...]:
    """Return the rows for the card of the page "Use"."""
    rows = []
    for each in found:
        times = translate(msg("tried {count}×", count=each.tried))
        works = each.choice is not None
        reason = why_text(each)
        if works:
            told, sign, ink = translate(msg("Works")), "tick", "enf"
        elif each.tried:
            told, sign, ink = translate(msg("Breaks: {why}", why=reason)), "cross", "open"
        else:
            told, sign, ink = translate(msg("Left out: {why}", why=reason)), "?", "text2"
        rows.append(
            (
                Cell(setting_title(each, done), sign=sign, more=reason),
                Cell(told, ink=ink, more=reason if works else ""),
                Cell(times, ink="text2", right=True),
            )
        )
    return tuple(rows)


PreviewOf = Callable[[tuple[Choice, ...]], Preview | None]


class SettingRow(QWidget):
    """A switch, the setting and its reason, the layer's number."""

    def __init__(self, theme: Theme, setting: Setting, done: Tightened, number: int) -> None:
        super().__init__()
        self.setting = setting
        self.switch = Switch(theme)
        self.switch.setChecked(True)
        title, why = Label(theme, 13, MEDIUM, wrap=True), Label(theme, 12, ink="text2", wrap=True).selectable()
        title.setText(setting_title(setting, done))
        why.setText(why_text(setting))
        why.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.switch.setAccessibleName(title.text())
        self.switch.setAccessibleDescription(why.text())
        text = theme.lay(QVBoxLayout(), title, why, gap=1)
        row = theme.lay(
            QHBoxLayout(self), (self.switch, 0, Qt.AlignmentFlag.AlignTop), (text, 1), around=(0, 3, 0, 3), gap=10
        )
        if number:
            box = MarkBox(theme, NUMBER)
            box.show_number(number)
            row.addWidget(box, 0, Qt.AlignmentFlag.AlignTop)


class FoundPage(Scrolled):
    """The page; all of it scrolls together. `switched`: the set differs from the one tried, or is that one again."""

    switched = Signal()

    def __init__(self, theme: Theme, numbers: dict[str, int], titles: dict[int, str]) -> None:
        """`numbers`: layer numbers by id."""
        super().__init__(name=translate(msg("Results")), reads=True)
        self._theme, self._numbers = theme, numbers
        self._preview_of: PreviewOf = lambda choices: None
        self.rows: tuple[SettingRow, ...] = ()
        self.prediction = Prediction(theme, titles)
        self.prediction.set_folded(True)
        self.untried = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self._parts = [(Label(theme, 14, BOLD, wrap=True), QVBoxLayout()) for _ in range(6)]
        inner = TextColumn()
        column = theme.lay(QVBoxLayout(inner), self.prediction, self.untried, around=(0, 0, 8, 0), gap=6)
        for head, rows in self._parts:
            rows.setSpacing(theme.px(5))
            theme.lay(column, 6, head, rows)
        column.addStretch(1)
        # as high as it needs at its width
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.setWidget(inner)

    def show_found(self, done: Tightened, found: tuple[Setting, ...], preview_of: PreviewOf) -> None:
        """Show the result of a search. `preview_of`: returns the effect of a set of choices; None: unknown."""
        self._preview_of = preview_of
        kept = tuple(each for each in found if each.choice is not None)
        left = tuple(each for each in found if each.choice is None)
        self.rows = tuple(SettingRow(self._theme, each, done, self._number(each)) for each in kept)
        for row in self.rows:
            row.switch.toggled.connect(self._switched)
        self._fill(0, plural("{count} setting, and why", "{count} settings, and why", len(kept)), self.rows)
        broke, spared = ([each for each in left if bool(each.tried) is tried] for tried in (True, False))
        self._fill(1, msg("Left out: it breaks with these"), self._left(Mark.OPEN, broke, done))
        self._fill(2, msg("Left out, and not tried"), self._left(Mark.UNKNOWN, spared, done))
        tried = done.tried
        compared = () if tried is None else tried.compared
        untold = () if tried is None else tried.not_compared
        self._fill(3, msg("What was compared"), tuple(self._message_line(Mark.ENFORCED, each) for each in compared))
        self._fill(4, msg("What was not compared"), tuple(self._message_line(Mark.UNKNOWN, each) for each in untold))
        said = "" if tried is None or kept else "\n".join(filter(None, (tried.words, tried.log)))
        title = translate(msg("Last output of the twin"))
        self._fill(5, msg("Last output of the twin"), (quote_box(self._theme, title, said),) if said else ())
        self.verticalScrollBar().setValue(0)
        self._switched()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The choices that are switched on."""
        found = (row.setting.choice for row in self.rows if row.switch.isChecked())
        return tuple(each for each in found if each is not None)

    def _switched(self) -> None:
        preview = self._preview_of(self.choices) if self.choices else None
        self.prediction.setVisible(preview is not None)
        if preview is not None:
            self.prediction.show_preview(preview)
        off = len(self.rows) - len(self.choices)
        self.untried.setText(translate(msg("It was tried with all of them, not without those switched off here.")))
        self.untried.setVisible(0 < off < len(self.rows))
        self.switched.emit()

    def _number(self, setting: Setting) -> int:
        return self._numbers.get(toggle(setting.toggle).layer, 0)

    def _fill(self, place: int, title: Message, rows: tuple[QWidget, ...]) -> None:
        head, column = self._parts[place]
        empty(column)
        head.setText(translate(title))
        head.setVisible(bool(rows))
        for row in rows:
            column.addWidget(row)

    def _left(self, mark: Mark, left: Sequence[Setting], done: Tightened) -> tuple[QWidget, ...]:
        texts = (msg("{title}: {why}", title=setting_title(each, done), why=why_text(each)) for each in left)
        return tuple(self._message_line(mark, text) for text in texts)

    def _message_line(self, mark: Mark, text: Message) -> QWidget:
        return self._line(mark, translate(text))

    def _line(self, mark: Mark, text: str) -> QWidget:
        return marked_line(self._theme, mark, plain(text, 800))


class TrialCard(Card):
    """The card; hidden until something was tried in this window. The page scrolls, not its table."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Tried on a twin")), parent=parent)
        heads = tuple(translate(text) for text in (msg("Setting"), msg("Outcome"), msg("Trials")))
        self.table = RowTable(
            theme, translate(msg("Settings that were tried")), heads, whole=True
        )  # the page scrolls, not the table
        self.again = QPushButton(translate(msg("Run again…")))
        self.again.setObjectName("link")
        self.again.setFont(theme.font(12, MEDIUM))
        self.top.addWidget(self.again)
        self.body.addWidget(self.table, 1)
        self.setMinimumHeight(0)
        self.hide()

    def show_found(self, done: Tightened, found: tuple[Setting, ...]) -> None:
        """Show the last result."""
        self.numbers.say(
            translate(msg("a copy without its ports, and with copies of its volumes; removed after each trial"))
        )
        self.table.show_rows(setting_rows(found, done))
        self.show()

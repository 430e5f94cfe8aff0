"""The first page of the relaunch sheet: what changes, warnings, the texts involved, and how long it is watched."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import WATCH, WATCH_MOST
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import number_text
from stratascope.presentation.refusals_report import allowing
from stratascope.ui.kit.buttons import pad_field
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.refusals.explain import opened_by
from stratascope.value import Value

LINES_MOST = 12  # lines of a text that is shown whole; longer ones scroll


class QuotedText(Value):
    """A text that belongs to the change: a command, a file; foreign text, shown literally."""

    title: Message
    text: str


class _Seconds(QDoubleSpinBox):
    """A number of seconds that ignores the wheel, which scrolls the page."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ConfirmPage(Scrolled):
    """The page; all of it scrolls together."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(name=translate(msg("What will be different")), reads=True)
        self._theme = theme
        self.usual: Callable[[], float] = lambda: WATCH  # the seconds offered by default
        self.watch = _Seconds()
        self.watch.setRange(0, WATCH_MOST)
        self.watch.setDecimals(0)
        self.watch.setFont(theme.font(13))
        self.watch.setFixedHeight(theme.px(28))
        self.watch.setValue(WATCH)
        self.watch.setSuffix(translate(msg(" s")))
        pad_field(theme, self.watch)
        self.watch.setAccessibleName(translate(msg("Seconds to watch the replacement")))
        self.differences, self.warnings, self.quotes = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        self.head_differences, self.head_warnings = Label(theme, 14, BOLD), Label(theme, 14, BOLD)
        inner = TextColumn()
        column = theme.lay(QVBoxLayout(inner), around=(0, 0, 8, 0), gap=6)
        for head, rows in ((self.head_differences, self.differences), (self.head_warnings, self.warnings)):
            rows.setSpacing(theme.px(6))
            theme.lay(column, head, rows, 8)
        column.addWidget(self._watching())
        self.quotes.setSpacing(theme.px(6))
        theme.lay(column, self.quotes, STRETCH)
        # as high as it needs at its width
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.setWidget(inner)

    def _watching(self) -> QWidget:
        theme = self._theme
        self._watched = QWidget()
        row = theme.lay(QHBoxLayout(self._watched), around=0)
        text = Label(theme, 13, text=translate(msg("Watch it before accepting it, for")))
        text.setBuddy(self.watch)
        theme.lay(row, text, self.watch, STRETCH)
        return self._watched

    def begin(self) -> None:
        """Start a new question: scroll to the top, and offer the default seconds. Observations made meanwhile change
        neither.
        """
        self.watch.setValue(self.usual())
        self.verticalScrollBar().setValue(0)

    def has_keyboard(self) -> bool:
        """Whether something in it has the focus."""
        here = self.window().focusWidget()
        return here is not None and (here is self or self.isAncestorOf(here))

    def show_change(
        self,
        differences: tuple[Message, ...],
        warnings: tuple[Message, ...] = (),
        quotes: tuple[QuotedText, ...] = (),
        *,
        watched: bool = True,
    ) -> None:
        """Show the change. `watched`: whether there is anything to watch afterwards."""
        count = plural("{count} difference", "{count} differences", len(differences))
        self._fill(self.differences, self.head_differences, differences, None, count)
        self._fill(self.warnings, self.head_warnings, warnings, Mark.TRIANGLE, msg("Keep in mind"))
        self._watched.setVisible(watched)
        empty(self.quotes)
        for quoted in quotes:
            self._quote(quoted)

    def _fill(
        self, rows: QVBoxLayout, head: Label, texts: tuple[Message, ...], mark: Mark | None, title: Message
    ) -> None:
        empty(rows)
        head.setText(translate(title))
        head.setVisible(bool(texts))
        for text in texts:
            rows.addWidget(marked_line(self._theme, mark or Mark.DOT, plain(translate(text)), "" if mark else "text3"))

    def _quote(self, quoted: QuotedText) -> None:
        theme = self._theme
        head = Label(theme, 14, BOLD, wrap=True, text=plain(translate(quoted.title)))
        theme.lay(self.quotes, 4, head, quote_box(theme, head.text(), quoted.text))


def quote_box(theme: Theme, name: str, text: str) -> QPlainTextEdit:
    """Return a box with foreign text, shown literally in the fixed font; as high as its lines, up to LINES_MOST."""
    lines = [plain(line, 1000) for line in text.rstrip("\n").split("\n")]
    box = QPlainTextEdit("\n".join(lines))
    box.setReadOnly(True)
    box.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    box.setFont(theme.font(11, fixed=True))
    box.setTabChangesFocus(True)
    box.setAccessibleName(name)
    box.setFixedHeight(theme.box(11) * min(LINES_MOST, len(lines) + 1) + theme.px(12))
    return box


def marked_line(theme: Theme, mark: Mark, text: str, ink: str = "") -> QWidget:
    """Return one line of a list, with a mark, as high as its text; the text can be selected."""
    line = QWidget()
    row = theme.lay(QHBoxLayout(line), around=0, gap=8)
    box = MarkBox(theme, 11)
    box.show_mark(mark, ink)
    row.addWidget(box, 0, Qt.AlignmentFlag.AlignTop)
    label = Label(theme, 13, wrap=True).selectable()
    label.setText(text)
    row.addWidget(label, 1)
    return line


def empty(rows: QVBoxLayout) -> None:
    """Remove everything from a layout."""
    while (item := rows.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def foretold(preview: Preview) -> tuple[Message, ...]:
    """Return the predicted result, and what it is based on: there is no column for a container that does not run."""
    now, then = number_text(preview.before), number_text(preview.after)
    opened = opened_by(preview)
    return (
        msg("Exposure if it runs, predicted: {now} as it is, {then} with this change.", now=now, then=then),
        *((allowing(opened),) if opened else ()),
        msg("If the reason is a guess from its log: a program can print anything."),
    )

"""A container's log in a window of its own: followed, searched, copied and saved, always plain text."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stratascope import atomic_file
from stratascope.core.message import msg, plural
from stratascope.core.ports import LogLine, LogStream
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility, feedback
from stratascope.ui.kit.background import Failure, ThreadRun, later
from stratascope.ui.kit.file_dialogs import ask_save
from stratascope.ui.kit.flow import resize_on_screen
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.usecases.daily.terminal import plain_line
from stratascope.value import Value

# A container's log on its way to the window: read on a thread, handed over in portions, always bounded. If a container
# prints faster than a window can show, older lines are dropped and their number is shown. When a container ends and
# starts again, reading continues where it stopped.
LINES = 5000  # lines kept, and requested at the beginning
PORTION, PACE = 500, 100  # lines at a time, and ms between two portions

Read = Callable[[int, str], LogStream]  # called with the number of last lines, and the moment to start from


class _End(Value):
    """The end of what could be read."""

    failure: Failure | None = None


def _end(error: Exception | None) -> _End:
    return _End() if error is None else _End(Failure(error))


class LogFeed(QObject):
    """Reads a log. `came`: lines as plain text, and how many were left out before them. `ended`: None, or a Failure."""

    came = Signal(list, int)
    ended = Signal(object)

    def __init__(self, read: Read, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._waiting: deque[str] = deque(maxlen=LINES)
        self._lock = threading.Lock()
        self._dropped = 0
        self._last: tuple[str, list[str]] = "", []  # the newest timestamp, and the lines printed at it
        self._stream: LogStream | None = None
        self._run: ThreadRun | None = None
        self._closed = False
        self._timer = QTimer(self)
        self._timer.setInterval(PACE)
        self._timer.timeout.connect(self._hand_over)

    @property
    def reading(self) -> bool:
        """Whether more lines may come."""
        return self._run is not None

    def start(self) -> None:
        """Read from the beginning, or from where it ended before; no effect while reading."""
        if self._run is None and not self._closed:
            self._run = ThreadRun(self._work, _end, "log", self, idle=True)
            self._run.over.connect(self._tell_over)
            self._timer.start()
            self._run.start()

    def stop(self) -> None:
        """Stop for good."""
        self._closed = True
        self._timer.stop()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _work(self, _: Callable[[], bool]) -> Iterator[_End]:
        moment, seen = self._last
        seen = list(seen)
        stream = self._stream = self._read(LINES, moment)
        if self._closed:
            stream.close()
        for line in stream:
            if seen and line.moment == moment and line.text in seen:
                seen.remove(line.text)  # a duplicate: engines repeat all lines of the requested moment
                continue
            self._take(line)
        yield _End()

    def _take(self, line: LogLine) -> None:
        moment, texts = self._last
        if line.moment != moment:
            self._last = line.moment, [line.text]
        elif len(texts) < LINES:
            texts.append(line.text)
        text = plain_line(line.text)
        with self._lock:
            self._dropped += len(self._waiting) == LINES
            self._waiting.append(text)

    def _hand_over(self) -> None:
        with self._lock:
            lines = [self._waiting.popleft() for _ in range(min(PORTION, len(self._waiting)))]
            dropped, self._dropped = self._dropped, 0
        if lines:
            self.came.emit(lines, dropped)
        elif self._run is None:
            self._timer.stop()

    def _tell_over(self, end: _End) -> None:
        if not self._closed:
            self._run = None
            while self._waiting:
                self._hand_over()
            self.ended.emit(end.failure)


WIDE, HIGH = 860, 560
QUIET = 1500  # ms without a line after which the log counts as empty


class LogWindow(QDialog):
    """The log window; not modal. `closed`: nothing is read any more."""

    closed = Signal()

    def __init__(self, theme: Theme, name: str, read: Read, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._theme, self._name = theme, plain(name, 200)
        self.setWindowTitle(translate(msg("Log of {name}", name=name)))
        resize_on_screen(self, theme, WIDE, HIGH)
        self.feed = LogFeed(read, self)
        self.title = Line(theme, 15, BOLD, middle=True)
        self.title.say(translate(msg("Log of {name}", name=name)))
        self.field = QLineEdit()
        self.field.setPlaceholderText(translate(msg("Search the log")))
        self.field.setAccessibleName(translate(msg("Search the log")))
        self.field.setAccessibleDescription(
            translate(msg("Enter goes to the next match, Shift+Enter to the previous one"))
        )
        self.field.setMaxLength(200)
        self.follow = QCheckBox(translate(msg("Follow")))
        self.follow.setChecked(True)
        self.copy = QPushButton(translate(msg("Copy all")))
        self.save = QPushButton(translate(msg("Save…")))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setMaximumBlockCount(LINES)
        self.text.setAccessibleName(self.title.text())
        self.told = Label(theme, 11, ink="text2", wrap=True)
        self.found = Line(theme, 11, ink="text2")
        self._left_out = 0
        self._lay_out()
        self._connect()
        self.told.setText(translate(msg("Reading…")))
        self._quiet = later(self, QUIET, self._tell_quiet)  # an engine is silent until the first line comes
        self._quiet.start()
        self.feed.start()

    def _lay_out(self) -> None:
        theme = self._theme
        top = theme.lay(
            QHBoxLayout(), (self.title, 1), (self.field, 1), self.found, self.follow, self.copy, self.save, gap=8
        )
        theme.lay(QVBoxLayout(self), top, (self.text, 1), self.told, around=(14, 12, 14, 10), gap=8)
        self.field.setMinimumHeight(theme.px(28))
        self.field.setFont(theme.font(12))
        self.text.setFont(theme.font(12, fixed=True))
        for button in (self.copy, self.save):
            button.setFont(theme.font(12))
            button.setAutoDefault(False)  # Enter belongs to the search field
        self.follow.setFont(theme.font(12))

    def _connect(self) -> None:
        self.feed.came.connect(self._append)
        self.feed.ended.connect(self._ended)
        self.field.textChanged.connect(lambda _: self.search(fresh=True))
        self.copy.clicked.connect(self.copy_all)
        self.save.clicked.connect(self.ask_where)
        self.follow.toggled.connect(lambda on: self._to_end() if on else None)
        self.text.verticalScrollBar().sliderMoved.connect(self._looked_up)
        for keys, call in (
            ("Ctrl+F", self.field.setFocus),
            ("F3", self.search),
            ("Shift+F3", lambda: self.search(back=True)),
            ("Ctrl+S", self.ask_where),
            ("Ctrl+End", lambda: self.follow.setChecked(True)),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(call)
        for keys, back in (("Return", False), ("Enter", False), ("Shift+Return", True)):
            shortcut = QShortcut(QKeySequence(keys), self.field)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(lambda back=back: self.search(back=back))

    # -- reading

    def resume(self) -> None:
        """Continue reading: the container runs again."""
        if not self.feed.reading:
            self.feed.start()
            self._show_count()

    def _append(self, lines: list[str], left_out: int) -> None:
        self._left_out += left_out
        bar = self.text.verticalScrollBar()
        at = bar.value()
        self.text.appendPlainText("\n".join(lines))
        if self.follow.isChecked():
            self._to_end()
        else:
            bar.setValue(at)
        self._show_count()

    def _tell_quiet(self) -> None:
        if self.feed.reading and self.text.document().isEmpty():
            self.told.setText(translate(msg("It has printed nothing yet.")))

    def _show_count(self) -> None:
        if self.feed.reading:
            self.told.setText(self._kept())

    def _kept(self) -> str:
        if self._left_out:
            return translate(
                plural("It prints faster than can be shown: {count} line was left out.",
                       "It prints faster than can be shown: {count} lines were left out.", self._left_out)
            )  # fmt: skip
        count = 0 if self.text.document().isEmpty() else self.text.blockCount()
        if count >= LINES:
            return translate(msg("The last {count} lines", count=LINES))
        return translate(plural("{count} line", "{count} lines", count))

    def _ended(self, failure: Failure | None) -> None:
        if failure is not None:
            said = translate(failure.message)
        else:
            when = time.strftime("%H:%M:%S")
            said = translate(msg("{kept}. It ended at {time}. The log continues if it starts again.", kept=self._kept(),
                                 time=when))  # fmt: skip
        self.told.setText(plain(said))
        accessibility.announce(self, self.told.text())

    def _to_end(self) -> None:
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def _looked_up(self) -> None:
        """Stop following once the user scrolls up: new lines must not pull the view away."""
        bar = self.text.verticalScrollBar()
        self.follow.setChecked(bar.value() >= bar.maximum())

    # -- actions

    def search(self, *, fresh: bool = False, back: bool = False) -> None:
        """Go to the next or previous match of the field's text; wraps around at the end."""
        needle = self.field.text()
        if not needle:
            self.found.say("")
            return
        self.follow.setChecked(False)
        flags = QTextDocument.FindFlag.FindBackward if back else QTextDocument.FindFlag(0)
        if fresh:
            cursor = self.text.textCursor()
            cursor.setPosition(cursor.selectionStart())
            self.text.setTextCursor(cursor)
        if not self.text.find(needle, flags):
            ends = QTextCursor.MoveOperation.End if back else QTextCursor.MoveOperation.Start
            self.text.moveCursor(ends)
            there = self.text.find(needle, flags)
            self.found.say("" if there else translate(msg("No matches")))
        else:
            self.found.say("")

    def copy_all(self) -> None:
        """Copy all lines kept."""
        feedback.copy(self, self.text.toPlainText())

    def ask_where(self) -> None:
        """Ask for a file and save the log there."""
        name = "".join(each if each.isalnum() or each in "-_." else "_" for each in self._name)
        ask_save(self, translate(msg("Save the log")), self.save_to, name=f"{name}.log")

    def save_to(self, path: Path) -> None:
        """Save the log; an existing file is replaced only once the new one is complete."""
        try:
            atomic_file.save(path, (self.text.toPlainText() + "\n").encode("utf-8"))
            trouble = ""
        except OSError as error:
            trouble = error.strerror or str(error)
        told = msg("It could not be saved: {why}", why=trouble) if trouble else msg("Saved as {path}", path=str(path))
        self.told.setText(plain(translate(told)))
        accessibility.announce(self, self.told.text())
        if not trouble:
            QTimer.singleShot(5000, self, self._show_count)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    def done(self, result: int) -> None:
        """Close on Escape, too."""
        self._end()
        super().done(result)

    def _end(self) -> None:
        self.feed.stop()
        self.closed.emit()

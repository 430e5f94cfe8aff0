"""Long runs that the user starts and may cancel: a relaunch, several, trials, an observation. One of each kind at a
time.

Each has a sheet, made when first needed, with pages for before, during and after. It is not modal, and hiding it stops
nothing; a run that ends while its sheet is hidden still reports how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from stratascope.core.message import Message
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility, focus_order
from stratascope.ui.kit.background import ThreadRun
from stratascope.ui.kit.buttons import MainButton
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme


class Sheet(QDialog):
    """The frame of a sheet: title, sentence, content, rule, and buttons, of which `back` cancels or closes. `width` and
    `height`: in the theme's units, if the window is large enough.
    """

    def __init__(self, theme: Theme, parent: QWidget, width: int, height: int) -> None:
        super().__init__(parent)
        self._theme, self._window, self._wide, self._high = theme, parent, width, height
        self.name = ""
        self.running = False
        self.title, self.lead = Label(theme, 18, BOLD, wrap=True), Label(theme, 13, ink="text2", wrap=True)
        self.back = QPushButton()
        self.back.clicked.connect(lambda _=False: self.press_back())

    def frame(self, shown: Sequence[tuple[QWidget, int]], left: Sequence[QWidget], right: Sequence[QWidget]) -> None:
        """Lay it out: contents with their stretch, and the buttons at both ends."""
        theme = self._theme
        layout = theme.lay(QVBoxLayout(self), around=20, gap=10)
        for widget, stretch in (*shown, (Rule(theme), 0)):
            layout.addWidget(widget, stretch)
        end = theme.lay(QHBoxLayout(), gap=8)
        for button in left:
            end.addWidget(button)
        end.addStretch(1)
        for button in right:
            end.addWidget(button)
        layout.addLayout(end)
        theme.changed.connect(self.update)

    def present(self) -> None:
        """Show it in front of the window, no larger than it."""
        parent, theme = self._window, self._theme
        if not self.isVisible():
            self.resize(min(theme.px(self._wide), parent.width() - 16), min(theme.px(self._high), parent.height() - 16))
        self.show()
        self.raise_()
        self.activateWindow()

    # -- texts

    def entitle(self, title: Message | str) -> None:
        """Set the title."""
        self.title.setText(title if isinstance(title, str) else translate(title))
        self.setWindowTitle(self.title.text())

    def say(self, text: Message | str | None, words: str = "") -> None:
        """Set the sentence below the title; `words`: of whoever refused, in the tooltip."""
        said = "" if text is None else text if isinstance(text, str) else plain(translate(text), 400)
        self.lead.setText(said)
        give_tip(self.lead, plain(words, 400))
        self.lead.setVisible(bool(said))

    def refuse(self, why: Message) -> None:
        """Say why the request cannot be carried out now; the content stays, since that may change."""
        self.say(why)
        accessibility.announce(self, self.lead.text())

    def tell_end(self) -> None:
        """Announce how it ended, to screen readers too, and focus the next button."""
        self.running = False
        accessibility.announce(self, f"{self.title.text()} {self.lead.text()}".strip())
        if self.isVisible():
            self.next_button().setFocus(Qt.FocusReason.OtherFocusReason)

    def next_button(self) -> QWidget:
        """Return the button that gets the focus at the end."""
        return self.back

    # -- closing

    def tell_cancelling(self) -> None:
        """Say that it ends at the next safe point."""
        self.back.setEnabled(False)

    def press_back(self) -> None:
        """Press the button that cancels or closes it."""
        self.leave()

    def leave(self) -> None:
        """Hide it; a run goes on."""
        self.hide()

    def reject(self) -> None:
        self.leave()  # Escape

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.leave()

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)


class PagedSheet(Sheet):
    """A sheet with `pages`, a warning (`told`), and `go`, the button that confirms."""

    def __init__(self, theme: Theme, parent: QWidget, width: int, height: int) -> None:
        super().__init__(theme, parent, width, height)
        self.told = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.pages = QStackedWidget()
        self.go = MainButton(theme)
        self.go.setMinimumWidth(theme.px(220))
        self.go.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.back.installEventFilter(self)

    def turn(self, page: Enum, title: Message | str) -> None:
        """Turn to that page, whose value is its index, under that title."""
        self.pages.setCurrentIndex(page.value)
        self.entitle(title)
        self.warn("")

    def warn(self, text: str, words: str = "") -> None:
        """Show a warning; empty: none."""
        self.told.setText(text)
        give_tip(self.told, plain(words, 400))
        self.told.setVisible(bool(text))

    def offer(self, back: Message, go: Message | str | None) -> None:
        """Set the texts of its two buttons; without `go` there is nothing to confirm."""
        self.back.setText(translate(back))
        self.back.setEnabled(True)
        self.back.show()
        self.go.setVisible(go is not None)
        if go is not None:
            self.go.say(go if isinstance(go, str) else translate(go))
            self.go.setEnabled(True)

    def next_button(self) -> QWidget:
        return self.back if self.go.isHidden() else self.go

    def event(self, event: QEvent) -> bool:
        """Ctrl+Enter presses the button that confirms, from anywhere in the sheet; outside it is the plan's."""
        return self._confirms(event) or super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A button takes each Enter that it gets for its own."""
        return self._confirms(event) or super().eventFilter(watched, event)

    def _confirms(self, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return False
        pressed = event.type() is QEvent.Type.KeyPress
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier or not (
            pressed or event.type() is QEvent.Type.ShortcutOverride
        ):
            return False
        if pressed:
            self.go.click()
        event.accept()
        return True


class BackgroundRun(QObject):
    """A run, if there is one. `closed`: the run that delayed closing the window is over."""

    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.run: ThreadRun | None = None
        self.closing = False  # close the window as soon as the run is over

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self.run is not None

    def begin_run(
        self, make: Callable[[Callable[[], bool]], Iterator[Any]], last: Callable[[Exception | None], Any], name: str
    ) -> ThreadRun:
        """Start a run that has not started yet; see `ThreadRun`."""
        self.run = ThreadRun(make, last, name, self)
        self.run.told.connect(self.tell)
        self.run.over.connect(self._over)
        return self.run

    def cancel(self) -> None:
        """Cancel it at the next safe point."""
        if self.run is not None:
            self.run.cancel()

    def _over(self, last: Any) -> None:
        cancelled = self.run is not None and self.run.cancelling
        self.run = None
        forward = self.end(last, cancelled=cancelled)
        if self.closing:
            self.closed.emit()
        elif forward:
            self.come_back()

    def come_back(self) -> None:
        """It has ended, and nothing else reports how."""

    def end_or_wait(self) -> bool:
        """Prepare for closing the window. False while a run goes on: then `closed` follows, or the user is asked."""
        return not self.busy or self.end_soon()

    # -- for each kind

    def tell(self, event: Any) -> None:
        """Handle an event."""
        raise NotImplementedError

    def end(self, last: Any, *, cancelled: bool) -> bool:
        """Handle the end; True if a hidden sheet should come back to show it."""
        raise NotImplementedError

    def end_soon(self) -> bool:
        """Handle closing the window during a run; True if the window need not wait."""
        self.closing = True
        self.cancel()
        return False


S = TypeVar("S", bound=Sheet)


class LongRun(BackgroundRun, Generic[S]):
    """A run with its sheet. `dialog_made`: the sheet was made."""

    dialog_made = Signal(object)

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._theme = theme
        self._dialog: S | None = None

    @property
    def dialog(self) -> S:
        """The sheet, made when first needed."""
        if self._dialog is None:
            self._dialog = self.make_dialog()
            self.dialog_made.emit(self._dialog)
        return self._dialog

    def cancel(self) -> None:
        """Cancel it at the next safe point."""
        super().cancel()
        if self.run is not None:
            self.dialog.tell_cancelling()

    def come_back(self) -> None:
        """See `BackgroundRun`."""
        if not self.dialog.isVisible():
            self.dialog.present()

    def end_or_wait(self) -> bool:
        """See `BackgroundRun`."""
        done = super().end_or_wait()
        if done and self._dialog is not None:
            self._dialog.hide()
        return done

    def make_dialog(self) -> S:
        """Make its sheet."""
        raise NotImplementedError

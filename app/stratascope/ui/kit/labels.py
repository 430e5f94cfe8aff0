"""Text on screen: always plain text, elided if needed, with the full text in the tooltip.

Qt guesses rich text in labels and tooltips; both are switched off here (PlainText, escaped HTML), because names and
commands come from engines and may contain markup.
"""

from __future__ import annotations

import html
import re

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from stratascope.core.sanitize import plain
from stratascope.ui.kit.theme import REGULAR, Theme

TIP_LIMIT = 900  # characters; longer tooltips are cut
_TOLD = "described-by-tip"  # property: the description set with the last tooltip
_LONG_WORD = re.compile(r"(\S{48})(?=\S)")
_ENDLESS, _BREAK = re.compile(r"([!-.0-~]{24})(?=[!-.0-~])"), "\N{ZERO WIDTH SPACE}"
_WORD = re.compile(r"[!-~]+")
_PATH, _JOINER, _KEPT_WHOLE = re.compile(r"(?<!\S)/\S+"), "\N{WORD JOINER}", 28  # _KEPT_WHOLE: characters


def tip(text: str) -> str:
    """Return `text` as a tooltip that is shown literally, never as markup; empty stays empty."""
    if not text:
        return ""
    lines = [plain(line) for line in (text if len(text) <= TIP_LIMIT else text[: TIP_LIMIT - 1] + "…").split("\n")]
    # a zero width space lets one endless word break
    return "<p>" + "<br/>".join(html.escape(_LONG_WORD.sub("\\1\u200b", line)) for line in lines) + "</p>"


def wrapped(text: str) -> str:
    """Return `text` for a paragraph: a short path stays on one line, a long one breaks between its parts, and an
    endless word anywhere.

    Qt breaks after any slash: "the socket, /" and "var/run/docker.sock" on the next line.
    """
    text = _ENDLESS.sub("\\1" + _BREAK, text)
    return _PATH.sub(_joined, text) if "/" in text else text


def _joined(found: re.Match[str]) -> str:
    path = found[0]
    return path.replace("/", f"/{_JOINER}", -1 if len(path) <= _KEPT_WHOLE else 1)


def breakable(text: str, metrics: QFontMetrics, width: int) -> str:
    """Return the text with words wider than a line broken anywhere: what matters may be at their end ("…forward=1").
    Japanese has no blanks, and Qt knows where its lines may break.
    """
    if metrics.horizontalAdvance(text) <= width:
        return text

    def broken(word: re.Match[str]) -> str:
        return _BREAK.join(word[0]) if metrics.horizontalAdvance(word[0]) > width else word[0]

    return _WORD.sub(broken, text)


def give_tip(widget: QWidget, text: str) -> None:
    """Set `text` as the tooltip of `widget`, and as its accessible description unless it has one of its own.

    Without a description Qt would expose the tooltip, which is markup.
    """
    widget.setToolTip(tip(text))
    told = widget.accessibleDescription()
    if told and told != widget.property(_TOLD):
        return
    name = widget.accessibleName() or str(widget.property("text") or "")
    words = "\n".join(plain(line) for line in text.split("\n")).removeprefix(name).lstrip(".: \n").strip()
    # only the name: a blank, since an empty description would expose the tooltip again
    words = words or (" " if text else "")
    if words != told:
        widget.setProperty(_TOLD, words)
        widget.setAccessibleDescription(words)


class Label(QLabel):
    """Plain text in a size and colour of the design; may wrap."""

    def __init__(
        self,
        theme: Theme,
        size: float = 13,
        weight: QFont.Weight = REGULAR,
        ink: str = "text",
        *,
        wrap: bool = False,
        fixed: bool = False,
        text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._size, self._weight, self._ink, self._fixed = theme, size, weight, ink, fixed
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if wrap:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        else:
            self.setMinimumHeight(theme.box(size))
        theme.changed.connect(self._restyle)
        self._restyle()
        self.setText(text)

    def setText(self, text: str) -> None:
        copied = self.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
        super().setText(wrapped(text) if self.wordWrap() and not copied else text)

    def text(self) -> str:
        return super().text().replace(_JOINER, "").replace(_BREAK, "")

    def resize_letters(self, size: float) -> None:
        """Set another font size of the design."""
        self._size = size
        if self.font() != self._theme.font(size, self._weight, fixed=self._fixed):
            self._restyle()

    def tint(self, ink: str) -> None:
        """Set another text colour of the design."""
        if ink != self._ink:
            self._ink = ink
            self._restyle()

    def selectable(self) -> Label:
        """Make the text selectable by mouse and keyboard."""
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        return self

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._restyle()  # the style sheet restores the old colours of what was hidden when the theme changed

    def _restyle(self) -> None:
        self.setFont(self._theme.font(self._size, self._weight, fixed=self._fixed))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.WindowText, self._theme.color(self._ink))
        self.setPalette(palette)


class Line(Label):
    """One line, elided at the right (or in the middle, for ids and file names). `or_nothing`: if it does not fit, it is
    hidden: the first digits of a number would be another number.
    """

    def __init__(
        self,
        theme: Theme,
        size: float = 13,
        weight: QFont.Weight = REGULAR,
        ink: str = "text",
        *,
        fixed: bool = False,
        middle: bool = False,
        or_nothing: bool = False,
        text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, size, weight, ink, fixed=fixed, parent=parent)
        self._or_nothing = or_nothing
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.say(text)

    def say(self, text: str) -> None:
        """Set the text; screen readers get it unelided."""
        whole = plain(text)
        if whole != self._whole:
            self._whole = whole
            self.setText(whole[:2000])
            self.setAccessibleName(whole[:2000])
            self._update_tip()

    def minimumSizeHint(self) -> QSize:
        return QSize(0 if self._or_nothing else self._theme.px(24), self._theme.box(self._size))

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()  # glyphs may be wider than their advance
        width = max(metrics.horizontalAdvance(self.text()), metrics.boundingRect(self.text()).width()) + 3
        return QSize(min(width, self._theme.px(900)), self._theme.box(self._size))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        shown = self._shown()
        if self._or_nothing and shown != self.text():
            return
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_tip()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()

    def _update_tip(self) -> None:
        give_tip(self, "" if self._shown() == self.text() else self._whole)

    def _shown(self) -> str:
        return self.fontMetrics().elidedText(self.text(), self._mode, self.width())


def draw_line(
    painter: QPainter, room: QRect, text: str, font: QFont, theme: Theme, ink: str, *, middle: bool = False
) -> None:
    """Draw one line of text, elided at its end or in its `middle` if it does not fit."""
    painter.setFont(font)
    painter.setPen(theme.color(ink))
    mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
    painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, painter.fontMetrics().elidedText(text, mode, room.width()))


class Rule(QWidget):
    """A hairline; `upright`: between what is side by side."""

    decoration = True

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, upright: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), self._theme.color("line"))

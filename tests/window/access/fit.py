"""Checks that the whole window fits: a program of its own, since scale factor and font are a process's.

`python -m window.access.fit POINTS [all]` prints a line for each widget that is cut, sticks out or overlaps another.
QT_SCALE_FACTOR is Qt's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import combinations

from PySide6.QtCore import QRect
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QGroupBox,
    QLabel,
    QMenu,
    QSizePolicy,
    QWidget,
)

from stratascope.ui.app import app as ui
from stratascope.ui.kit.labels import Line
from window.access import scenes

SLACK = 1  # px of rounding


def who(widget: QWidget) -> str:
    text = str(widget.property("text") or "") or widget.accessibleName()
    parent = widget.parentWidget()
    return f"{type(widget).__name__} {text[:40]!r} in {type(parent).__name__}"


def misfits(top: QWidget) -> Iterator[str]:
    """Yield the faults of one window."""
    if isinstance(top, QMenu):
        return
    for widget in [top, *top.findChildren(QWidget)]:
        if not widget.isVisible() or widget.window() is not top or scrolled_away(widget):
            continue
        yield from cut(widget)
        if widget.layout() is not None:
            yield from crowded(widget)


def scrolled_away(widget: QWidget) -> bool:
    """Whether only its width matters, since it scrolls, or it is a part of Qt's own."""
    return widget.objectName().startswith("qt_") or type(widget).__name__ in ("QScrollBar", "QSplitterHandle")


def cut(widget: QWidget) -> Iterator[str]:
    """Yield a text that does not fit, and is not complete in a tooltip."""
    needed = widget.sizeHint().width()
    if isinstance(widget, Line):
        if needed - 2 > widget.width() + SLACK and not widget.toolTip():
            yield f"cut without a tooltip: {who(widget)}"
    elif isinstance(widget, QLabel):
        if widget.wordWrap():
            tall = widget.heightForWidth(widget.width())
            if tall > widget.height() + SLACK:
                yield f"too low for its lines ({widget.height()} of {tall}): {who(widget)}"
        elif needed > widget.width() + SLACK and not widget.toolTip():
            yield f"cut ({widget.width()} of {needed}): {who(widget)}"
    elif isinstance(widget, QAbstractButton) and widget.text():
        fixed = widget.sizePolicy().horizontalPolicy() in (QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
        if fixed and needed > widget.width() + SLACK and not widget.toolTip():
            yield f"cut ({widget.width()} of {needed}): {who(widget)}"
    if isinstance(widget, QLabel | QAbstractButton):
        least = min(widget.fontMetrics().height(), widget.sizeHint().height())
        if widget.height() + SLACK < least:
            yield f"too low for a line ({widget.height()} of {least}): {who(widget)}"


def crowded(parent: QWidget) -> Iterator[str]:
    """Yield children of layouts that stick out, or overlap each other."""
    layout = parent.layout()
    assert layout is not None
    children = [
        child
        for child in parent.children()
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow() and layout.indexOf(child) >= 0
    ]
    inside = parent.rect()
    for child in children:
        box = child.geometry()
        if not isinstance(parent, QGroupBox) and not inside.adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(box):
            yield f"sticks out of {type(parent).__name__} by {beyond(box, inside)}: {who(child)}"
    for one, two in combinations(children, 2):
        shared = one.geometry() & two.geometry()
        if shared.width() > SLACK and shared.height() > SLACK:
            yield f"{who(one)} lies over {who(two)}"


def beyond(box: QRect, inside: QRect) -> int:
    return max(inside.left() - box.left(), inside.top() - box.top(), box.right() - inside.right(),
               box.bottom() - inside.bottom())  # fmt: skip


def main(words: list[str]) -> None:
    """Walk, and print the faults."""
    application = ui.make_application(["access.fit"])
    font = QFont(application.font())
    font.setPointSizeF(float(words[0]))
    application.setFont(font)
    QApplication.setFont(font)
    found: dict[str, str] = {}
    count = 0
    with scenes.opened() as window:
        walks = [scenes.views(window), scenes.narrow(window)]
        if "all" in words:
            walks = [scenes.everything(window), scenes.narrow(window)]
        for walk in walks:
            for what, top in walk:
                count += 1
                for problem in misfits(top):
                    found.setdefault(problem, what)
    lines = [f"{what}: {problem}" for problem, what in found.items()]
    sys.stdout.write("\n".join((*lines, f"{count} scenes\n")))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])

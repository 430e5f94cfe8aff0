"""Keys, options and comments of the text in colours of their own, in any of the languages that are read."""

from __future__ import annotations

import re

from PySide6.QtGui import QSyntaxHighlighter, QTextCharFormat, QTextDocument

from stratascope.ui.kit.theme import Theme

MOST = 400  # characters of a line that are looked at
_PARTS = (
    ("accent", re.compile(r"^\s*(?:- )*([\w./-]+):(?=\s|$)")),  # a key of YAML
    ("accent", re.compile(r"^(\[\w+\]|[A-Z]\w*(?==))")),  # a section or key of a unit
    ("accent", re.compile(r"(?:^|\s)(--?[A-Za-z][\w-]*)")),  # an option of a command
    ("text2", re.compile(r"(?:^|\s)([#].*)$")),
)


class Colours(QSyntaxHighlighter):
    """Follows the theme."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._theme = theme
        theme.changed.connect(self.rehighlight)

    def highlightBlock(self, text: str) -> None:
        for token, pattern in _PARTS:
            shape = QTextCharFormat()
            shape.setForeground(self._theme.color(token))
            for found in pattern.finditer(text[:MOST]):
                self.setFormat(found.start(1), found.end(1) - found.start(1), shape)

"""Qt's own words (buttons of dialogs, the menu of a text field, names of keys) in the language of the program.

Qt brings them along, in files beside its libraries. Where a build left them out they stay English: no reason not to
start. Decided against translating them ourselves: Qt's are complete, and grow with it.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

from stratascope.i18n import translate as i18n
from stratascope.i18n.language import ENGLISH, PSEUDO, stretched


class _Pseudo(QTranslator):
    """Qt's words in the pseudo-locale."""

    def isEmpty(self) -> bool:  # Qt asks no translator that is empty
        return False

    def translate(self, context: str, text: str, /, disambiguation: str | None = None, n: int = -1) -> str:
        return stretched(text)


def speak(app: QCoreApplication) -> None:
    """Let Qt speak as the program does; once for an application."""
    for old in app.findChildren(QObject, "words"):
        if isinstance(old, QTranslator):
            app.removeTranslator(old)
            old.setParent(None)
    current = i18n.language()
    if current == ENGLISH:
        return
    translator = _Pseudo(app) if current == PSEUDO else QTranslator(app)
    translator.setObjectName("words")
    if current != PSEUDO:
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if not translator.load(QLocale(current), "qtbase", "_", folder):
            translator.setParent(None)
            return
    app.installTranslator(translator)

"""The widths of a splitter's parts, kept between runs as text."""

from __future__ import annotations

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QSplitter

from stratascope.ui.kit.feed import SettingsLike


def restore_splitter(splitter: QSplitter, settings: SettingsLike, key: str) -> None:
    """As it was left; nothing where it was not kept."""
    kept = settings.get(key)
    if kept:
        splitter.restoreState(QByteArray.fromBase64(kept.encode("ascii", "ignore")))


def remember_splitter(splitter: QSplitter, settings: SettingsLike, key: str) -> None:
    """For the next time."""
    settings.set(key, bytes(splitter.saveState().toBase64().data()).decode("ascii"))

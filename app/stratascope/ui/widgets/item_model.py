"""What all item models share: the role under which a view gets the item itself, the index of the root, and its type."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt

ItemRole = int(Qt.ItemDataRole.UserRole) + 1
AnyIndex = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()

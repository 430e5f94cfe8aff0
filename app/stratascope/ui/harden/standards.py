"""The menu *Match a standard*: the plan as suggested, what each standard adds to it, and nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.relaunch.hardening_plan import HardeningPlan
from stratascope.core.relaunch.toggle import Preset
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import number_text
from stratascope.ui.harden.plan_draft import PlanDraft
from stratascope.ui.harden.wishes import Own
from stratascope.usecases.plan.standards import Standard

_STANDARDS = {
    Preset.PSS_BASELINE: (msg("Kubernetes"), msg("Pod Security: baseline")),
    Preset.PSS_RESTRICTED: (msg("Kubernetes"), msg("Pod Security: restricted")),
    Preset.CIS: (msg("Docker"), msg("CIS Docker, section 5")),
}


_NOTHING = msg("Change nothing")
_MATCH = msg("Match a standard")


def standard_words(own: Own | None) -> tuple[Message, Message]:
    """What is matched now, and the same for a screen reader; else that one can be."""
    if own is not None and own.nothing:
        return _NOTHING, colon(_MATCH, _NOTHING)
    if own is None or own.standard not in _STANDARDS:
        return _MATCH, _MATCH
    name = _STANDARDS[own.standard][1]
    return name, colon(_MATCH, name)


class StandardsMenu(QMenu):
    """Made anew each time it is opened; the numbers come a moment later."""

    def __init__(self, draft: PlanDraft, parent: QWidget) -> None:
        super().__init__(parent)
        self._draft = draft
        self.entries: dict[Preset | None, QAction] = {}  # None: nothing at all
        self._group = QActionGroup(self)
        self._corner = QPoint()

    def open_below(self, anchor: QWidget) -> None:
        """Below that widget."""
        self._corner = anchor.mapToGlobal(QPoint(anchor.width(), anchor.height()))
        self.fill()
        self.popup(self._below())

    def _below(self) -> QPoint:
        """Where it ends with the widget that it was opened from."""
        return QPoint(self._corner.x() - self.sizeHint().width(), self._corner.y())

    def fill(self) -> None:
        """With what there is for the container in view."""
        draft, own = self._draft, self._draft.own
        plan, offer = draft.suggested, draft.offer
        self.clear()
        self.entries = {}
        if plan is None or own is None or offer is None:
            return
        suggested = own.standard is None and not own.nothing and (own.wanted is None or not draft.choices)
        self._put(Preset.RECOMMENDED, msg("Suggested"), _counted(plan), chosen=suggested)
        self.entries[Preset.RECOMMENDED].triggered.connect(lambda _=False: draft.take_suggested())
        head = ""
        for preset, (group, title) in _STANDARDS.items():
            if translate(group) != head:
                head = translate(group)
                self._head(head)
            self._put(preset, title, "…", chosen=own.standard is preset)
            self.entries[preset].setEnabled(False)  # until it is known what it takes
        self.addSeparator()
        self._put(None, _NOTHING, _nothing(plan), chosen=own.nothing)
        self.entries[None].triggered.connect(lambda _=False: draft.take_nothing())
        draft.ask_standards(self._tell)

    def _tell(self, standards: Sequence[tuple[Standard, HardeningPlan]]) -> None:
        for each, plan in standards:
            action = self.entries.get(each.preset)
            if action is None:
                continue
            number, count = number_text(plan.then), len(each.adds)
            if each.unmet:
                said = translate(msg("{count} can't be met, {number}", count=len(each.unmet), number=number))
            elif count:
                said = translate(plural("{count} more, {number}", "{count} more, {number}", count, number=number))
            else:
                said = translate(msg("meets it, {number}", number=number))
            action.setText(f"{action.text().partition(chr(9))[0]}\t{said}")
            action.setEnabled(True)
            action.triggered.connect(partial(self._take, each))
        self.move(self._below().x(), self.y())  # what they say is wider than the dots were

    def _take(self, standard: Standard, _: bool = False) -> None:
        self._draft.take_standard(standard.preset, standard.adds)

    def _head(self, text: str) -> None:
        head = self.addAction(text)
        head.setEnabled(False)

    def _put(self, preset: Preset | None, title: Message, said: str, *, chosen: bool) -> None:
        action = QAction(f"{translate(title)}\t{said}", self)
        action.setCheckable(True)
        action.setChecked(chosen)
        self._group.addAction(action)
        self.addAction(action)
        self.entries[preset] = action


def _counted(plan: HardeningPlan) -> str:
    on = sum(change.on for change in plan.changes)
    return translate(msg("{count} on, {number}", count=on, number=number_text(plan.then)))


def _nothing(plan: HardeningPlan) -> str:
    return translate(msg("{count} on, {number}", count=0, number=number_text(plan.now)))

"""What a column of a plan has above its foot: the number line, the layers' marks, the rows, and what keeps it critical.

What it shows is a `PlanDraft`. What becomes of it stands in the foot, which is for who takes this further: a relaunch
(`column`), a corrected text (`ui.before.column`).
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import Finding, Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind
from stratascope.core.relaunch.toggle import Alternative
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import together, translate
from stratascope.layers.toggles import choice_of
from stratascope.presentation.exposure import number_text
from stratascope.presentation.plan_rows import keeping_text, limits_said
from stratascope.ui.harden.number_line import NumberLine, SixMarks
from stratascope.ui.harden.plan_draft import PlanDraft
from stratascope.ui.harden.plan_list import PlanList
from stratascope.ui.harden.standards import StandardsMenu, standard_words
from stratascope.ui.harden.value_sheet import ValueSheet
from stratascope.ui.kit import accessibility, feedback
from stratascope.ui.kit.buttons import MenuLink
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter

_KEEPING = 3  # rows that are named
_EDGES, _MARKS = (16, 8, 16, 12), 360  # px of the design
_UNBOUNDED = 16777215  # QWIDGETSIZE_MAX


class KeepsStrip(QWidget):
    """Which row keeps it critical, or that nothing lowers it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.text = Label(theme, 12, wrap=True)
        theme.lay(QHBoxLayout(self), self.text, around=(30, 6, 10, 6))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        theme.changed.connect(self.update)
        self.hide()

    def say(self, text: str) -> None:
        """Empty: no trace of it."""
        self.text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("card_line_weak"), 1))
        painter.setBrush(theme.color("weak_soft"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))
        side = theme.px(12)
        paint_mark(painter, QRectF(theme.px(10), (self.height() - side) / 2, side, side), Mark.TRIANGLE, theme)


class PlanColumn(QWidget):
    """`body` holds its parts from above; `begin` gives it its draft. `accept_wanted` has a Finding; `watch_wanted`: the
    container shall be watched; `pointed` has the ids of threats that the row at hand closes, or None.
    """

    accept_wanted = Signal(object)
    watch_wanted = Signal()
    pointed = Signal(object)

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self._theme = theme
        self.can_accept = self.can_watch = False
        self._watched: Message | None = None
        self._tried = frozenset[str]()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(translate(msg("Plan")))
        self.title = Label(theme, 15, BOLD, text=translate(msg("Plan")))
        self.name = Line(theme, 12, ink="text2", middle=True)
        self.standard = MenuLink(theme, standard_words(None)[0])
        self.told = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.told.hide()
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.numbers = NumberLine(theme)
        self.marks = SixMarks(theme, {layer.number: translate(layer.about.title) for layer in layers})
        self.keeps = KeepsStrip(theme)
        self.changes = PlanList(theme)
        self.filler = QWidget()  # takes the room where there is no plan
        self._above = theme.lay(QHBoxLayout(), self.title, (self.name, 1), self.standard, gap=6)
        self.body = theme.lay(QVBoxLayout(self), self._above, self.told, self.nothing, around=_EDGES, gap=6)
        self._frame = QFrame()  # a card around the rows, on a page
        self._inset = theme.lay(QVBoxLayout(self._frame), self.changes, around=0)
        theme.lay(self.body, self.numbers, self.marks, (self._frame, 1), (self.filler, 1))
        self.body.addWidget(self.keeps)  # below the rows: it comes and goes with a switch, and they must not move then
        self.paged, self._low = False, False

    def set_paged(self, paged: bool, *, low: bool) -> None:
        """Whether it is a page of its own, below a card that has the name and the numbers; `low`: with room for the
        rows alone.
        """
        if (paged, low) == (self.paged, self._low):
            return
        self.paged, self._low = paged, low
        theme = self._theme
        self.setObjectName("" if paged else "page")
        self._frame.setObjectName("card" if paged else "")
        for part in (self, self._frame):
            part.style().unpolish(part)
            part.style().polish(part)
        self._inset.setContentsMargins(*(theme.px(each) for each in ((14, 6, 8, 6) if paged else (0,) * 4)))
        self.body.setContentsMargins(*(0 if paged else theme.px(each) for each in _EDGES))
        self.marks.setMaximumWidth(theme.px(_MARKS) if paged else _UNBOUNDED)
        if paged:
            self._above.insertWidget(0, self.marks, 2)
            self._above.insertStretch(1, 1)
        else:
            self._above.takeAt(1)
            self.body.insertWidget(self.body.indexOf(self._frame), self.marks)
        self.show_changed()

    def begin(self, draft: PlanDraft) -> None:
        """It follows that draft from now on."""
        self._draft = draft
        self.standards = StandardsMenu(draft, self)
        self.sheet = ValueSheet(self._theme, self, draft.check_value)
        changes = self.changes
        draft.changed.connect(self.show_changed)
        changes.switched.connect(draft.switch)
        changes.only_wanted.connect(draft.switch_only)
        changes.value_wanted.connect(self._open_value)
        changes.instead.connect(self._take_instead)
        changes.accept_wanted.connect(self._accept)
        changes.pointed.connect(self.pointed)
        changes.watch_wanted.connect(self.watch_wanted)
        self.sheet.taken.connect(self._take_value)
        self.sheet.refused.connect(self.tell)
        self.standard.clicked.connect(lambda _=False: self.standards.open_below(self.standard))

    # -- what is shown

    def show_name(self, name: str, *, another: bool) -> None:
        """Whose plan it is; `another`: than before."""
        self.name.say(translate(msg("for {name}", name=plain(name, 200))) if name else "")
        if another:
            self.told.hide()
            self.sheet.forget()
            self._watched = None

    def show_watched(self, text: Message | None) -> None:
        """How long the container in view was watched; None: it was not."""
        if text != self._watched:
            self._watched = text
            self.show_changed()

    def show_tried(self, tried: frozenset[str]) -> None:
        """Toggles (ids) that have refused something to the container in view."""
        if tried != self._tried:
            self._tried = tried
            self.show_changed()

    def tell(self, message: Message, words: str = "") -> None:
        """A line below the title, until the next container; `words` are the other side's own."""
        self.told.setText(plain(translate(message)))
        give_tip(self.told, words)
        self.told.show()
        accessibility.announce(self, self.told.text())

    def enter(self) -> None:
        """The keyboard into the plan."""
        if not (self.changes.isVisible() and self.changes.enter()):
            self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    @property
    def usable(self) -> bool:
        """Whether there is a plan to be shown."""
        return self._draft.plan is not None and self._draft.nothing is None

    def show_changed(self) -> None:
        """All of the draft."""
        draft, usable, own = self._draft, self.usable, self._draft.own
        self.nothing.setVisible(draft.nothing is not None)
        self.nothing.setText("" if draft.nothing is None else plain(translate(draft.nothing)))
        give_tip(self.nothing, draft.words)
        framed = usable or draft.coming  # what is not known yet is an empty frame of the same size
        for part in (self.numbers, self.marks, self._frame, self.standard):
            part.setVisible(framed)
        self.numbers.setVisible(framed and not self.paged)
        self.marks.setVisible(framed and not self._low)
        for part in (self.title, self.name):
            part.setVisible(not self.paged)
        self.standard.setEnabled(usable)
        self.standard.say(*standard_words(own if usable else None))
        self.filler.setVisible(not framed)
        plan = draft.plan if usable else None
        changes = () if plan is None else plan.changes
        in_force = () if plan is None or draft.offer is None else draft.offer.in_force
        if plan is None:
            self.numbers.show_plan(None, None, 0, 0)
        else:
            on = sum(draft.is_on(change) for change in changes)
            self.numbers.show_plan(plan.now, plan.then, on, len(changes), len(in_force))
        self.changes.coming.setVisible(draft.coming and draft.late)
        self.marks.show_layers(draft.layers if usable else ())
        acceptable = frozenset(
            change.key for change in changes if self.can_accept and change.evidence.used and self._finding(change)
        )
        on_by_person = {} if own is None else own.on
        failed = {} if own is None else own.failed
        self.changes.show_plan(plan, draft.state, on_by_person, failed, acceptable)
        self.changes.show_in_force(in_force, self._tried)
        self.changes.show_folded(plan, draft.offer)
        watch = usable and self.can_watch and self._watched is None and draft.look_only is None
        for kind, head in self.changes.heads.items():
            unused = kind is ChangeKind.UNUSED
            said = limits_said(changes) if kind is ChangeKind.LIMIT else None
            head.say(self._watched if unused else said, watch=watch and unused)
        self.keeps.say(self._keeping() if usable else "")

    # -- what the person does

    def _open_value(self, key: str) -> None:
        row, change = self.changes.rows.get(key), self._draft.change_of(key)
        if row is not None and change is not None:
            self.sheet.open_for(key, change.choice, row.value)

    def _take_value(self, key: str, value: str) -> None:
        self._draft.set_value(key, value)
        if key in self.changes.rows:
            self.changes.rows[key].setFocus(Qt.FocusReason.OtherFocusReason)

    def _take_instead(self, key: str, alternative: Alternative) -> None:
        if alternative.lines:
            feedback.copy(self, "\n".join(alternative.lines))
        elif alternative.choice is not None:
            self._draft.add((choice_of(*alternative.choice),))

    def _finding(self, change: Change) -> Finding | None:
        """What it would mend, to be accepted."""
        offer = self._draft.offer
        options = () if offer is None else offer.options
        same = [each for each in options if each.toggle is change.choice.toggle and each.mends]
        whole = [each for each in same if each.choice in change.choice.pieces]
        return next((each.mends[0] for each in (*whole, *same)), None)

    def _accept(self, key: str) -> None:
        change = self._draft.change_of(key)
        finding = None if change is None else self._finding(change)
        if finding is not None:
            self.accept_wanted.emit(finding)

    # -- how

    def _keeping(self) -> str:
        """What keeps it critical, or that nothing lowers it."""
        draft, plan = self._draft, self._draft.plan
        if plan is None or not plan.then.open(Severity.CRITICAL):
            return ""
        if plan.keeping:
            said = [translate(keeping_text(change, plan, draft.state)) for change in plan.keeping[:_KEEPING]]
            return together(said) + (" …" if len(plan.keeping) > _KEEPING else "")
        return translate(msg("It stays {then}: no switch closes what is critical.", then=number_text(plan.then)))

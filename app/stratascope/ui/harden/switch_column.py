"""What a column of hardening has above its foot: presets, toggles, and what they come to.

What it shows is a `Draft`, which knows what is switched on. What becomes of it stands in the foot, which is for who
takes this further: a relaunch (`column`), a corrected text (`ui.before.column`).
"""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import GRADES, Preset
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.presentation.exposure import exposure_range
from stratascope.ui.harden.draft import Draft
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.toggle_list import ToggleList
from stratascope.ui.harden.toggle_row import ToggleRow
from stratascope.ui.harden.value_sheet import ValueSheet
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.buttons import Segment, SegmentStrip
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.usecases.plan.offers import Hint, Offer, shortfalls

ALL: tuple[Preset | None, ...] = (*GRADES, None)


class _Part(Segment):
    """Shares the width of the column with the others, so its word may be cut."""

    letters, beside, edge = 12.0, 16, "line2"
    policy = QSizePolicy.Policy.MinimumExpanding

    def __init__(self, theme: Theme, preset: Preset | None) -> None:
        super().__init__(theme, preset_word(preset))
        give_tip(self, preset_tip(preset))
        self.setAccessibleDescription(preset_tip(preset))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(24), self._theme.px(26))


class PresetSwitch(SegmentStrip):
    """As wide as its column."""

    chosen = Signal(object)  # Preset, or None for one's own choice; by the person

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Preset")), parent, fills=True)
        self.parts = {preset: _Part(theme, preset) for preset in ALL}
        for preset, part in self.parts.items():
            self.put(part)
            part.clicked.connect(lambda _=False, preset=preset: self.chosen.emit(preset))

    @property
    def current(self) -> Preset | None:
        """The one that is pressed in."""
        return next((preset for preset, part in self.parts.items() if part.isChecked()), None)

    def choose(self, preset: Preset | None) -> None:
        """Press one in, without telling. The smallest set has its place in the card: here it is one's own choice."""
        self.parts[preset if preset in self.parts else None].setChecked(True)


def preset_word(preset: Preset | None) -> str:
    """A preset in a word; None is the person's own choice."""
    words: dict[Preset | None, Message] = {
        Preset.RECOMMENDED: msg("Recommended"),
        Preset.RESTRICTED: msg("Restricted"),
        Preset.STRICT: msg("Strict"),
        None: msg("Custom"),
    }
    return translate(words[preset])


def preset_tip(preset: Preset | None) -> str:
    """What it chooses."""
    words: dict[Preset | None, Message] = {
        Preset.RECOMMENDED: msg("Takes away what this container very probably does not need."),
        Preset.RESTRICTED: msg("What the Pod Security Standards call Restricted, and everything in Recommended."),
        Preset.STRICT: msg("Everything available. Expect to give something back."),
        None: msg("The settings that you switched on yourself."),
    }
    return translate(words[preset])


LINK = -5  # px of the design: a link's own padding, so that its word begins where other text does


class HintLine(QWidget):
    """`taken` has the switch's key and its value."""

    taken = Signal(str, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._words = theme, ("", "")
        self.hint: Hint | None = None
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.link = QPushButton()
        self.link.setObjectName("link")
        self.link.setFont(theme.font(12, MEDIUM))
        self.link.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.link.clicked.connect(lambda _=False: self._take())
        column = theme.lay(QVBoxLayout(self), self.text, around=0, gap=0)
        below = theme.lay(QHBoxLayout(), self.link, STRETCH, around=(LINK, 0, 0, 0))
        column.addLayout(below)
        self.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum
        )  # as high as its words at any width
        self.hide()

    def show_hint(self, hint: Hint | None) -> None:
        """None: nothing would help more. The column shows it where there is room."""
        self.hint = hint
        if hint is not None:
            open_ = msg("A serious threat stays open. What would help most:")
            maybe = msg("Whether a serious threat stays open is not known. What would help most:")
            self.text.setText(translate(open_ if hint.certain else maybe))
            title, number = hint.choice.titled, exposure_range(hint.after)
            self._words = translate(msg("{title}: {exposure}", title=title, exposure=number)), translate(title)
            self._fit()
            give_tip(self.link, translate(hint.choice.toggle.what))
            spoken = msg("Switch on {title}; the exposure would be {exposure}", title=title, exposure=number)
            self.link.setAccessibleName(translate(spoken))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """With the number where there is room for it."""
        whole, title = self._words
        room = self.width() - 2 * self._theme.px(-LINK)
        self.link.setText(whole if self.link.fontMetrics().horizontalAdvance(whole) <= room else title)

    def _take(self) -> None:
        if self.hint is not None:
            self.taken.emit(self.hint.key or self.hint.choice.id, self.hint.choice.value)


SHORT = 3  # sentences on what it does not do
FOLD_COMMAND, FOLD_LAYERS, FOLD_PREDICTION = 820, 760, 450  # height of the window, px of the design
_Known = TypeVar("_Known", bound=Draft)


class SwitchColumn(QWidget):
    """`body` holds its parts from above; `begin` gives it its draft, once the foot is there."""

    draft: Draft

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], title: Message) -> None:
        super().__init__()
        self._theme = theme
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(translate(title))
        self.title = Line(theme, 15, BOLD, text=translate(title))
        self.told = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.told.hide()
        self.presets = PresetSwitch(theme)
        self.nothing = Label(theme, 13, ink="text2", wrap=True)
        self.toggles = ToggleList(theme, {layer.id: layer.number for layer in layers})
        self.prediction = self.make_prediction({layer.number: translate(layer.about.title) for layer in layers})
        self.short = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self.short.hide()
        self.hint = HintLine(theme)
        self.filler = QWidget()  # takes the room where there is nothing to switch
        self.above = theme.lay(QHBoxLayout(), (self.title, 1), gap=8)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(*(theme.px(length) for length in (16, 12, 16, 12)))
        self.body.setSpacing(theme.px(8))
        self.body.addLayout(self.above)
        self.body.addWidget(self.told)
        self.body.addWidget(self.nothing)
        self.body.addWidget(self.presets)
        self.body.addWidget(self.toggles, 1)
        for part in (self.prediction, self.short, self.hint):
            self.body.addWidget(part)

    def make_prediction(self, titles: dict[int, str]) -> Prediction:
        """In its words."""
        return Prediction(self._theme, titles)

    def begin(self, draft: _Known, box: QWidget) -> _Known:
        """It follows that draft from now on. `box`: what goes first where there is little room."""
        self.draft = draft
        self.body.addWidget(self.filler, 1)
        self._folding = Folding(self._theme, self, self.toggles, self.hint, self.prediction, box)
        self.sheet = ValueSheet(self._theme, self, draft.why_not)
        draft.offered.connect(self._show_offer)
        draft.reckoned.connect(self._show_choices)
        draft.changed.connect(self.show_changed)
        self.presets.chosen.connect(draft.take_preset)
        self.toggles.switched.connect(draft.switch)
        self.toggles.value_wanted.connect(self._open_value)
        self.hint.taken.connect(self._take_value)
        self.sheet.taken.connect(self._take_value)
        self.sheet.refused.connect(self.tell)
        return draft

    @property
    def rows(self) -> dict[str, ToggleRow]:
        """The rows by toggle."""
        return self.toggles.rows

    def tell(self, message: Message, words: str = "") -> None:
        """A line below the title, until the next container; `words` are the other side's own."""
        self.told.setText(plain(translate(message)))
        give_tip(self.told, words)
        self.told.show()
        accessibility.announce(self, self.told.text())

    def set_height(self, height: int) -> None:
        """Of the window: in a low one parts are folded away."""
        usable = self.draft.nothing is None
        self._folding.want(height, usable=usable, command=usable and self.draft.look_only is None)

    def close_critical(self) -> None:
        """The smallest set and nothing else."""
        self.draft.take_preset(Preset.CRITICAL)

    def show_changed(self) -> None:
        """What of the draft is neither its offer nor its choices."""
        draft, why = self.draft, self.draft.nothing
        usable = why is None
        self.nothing.setVisible(not usable)
        self.nothing.setText("" if why is None else plain(translate(why)))
        give_tip(self.nothing, draft.words)
        self.presets.setVisible(usable)
        self.toggles.setVisible(usable)
        self.toggles.setEnabled(draft.ours)  # else these are another container's
        self.hint.show_hint(draft.hint)
        self._show_short()
        self.filler.setVisible(not usable)

    # -- how

    def _open_value(self, name: str) -> None:
        row = self.rows[name]
        self.sheet.open_for(self.draft.options[name], row.value_text, row.value)

    def _take_value(self, name: str, value: str) -> None:
        self.draft.set_value(name, value)
        if self.draft.ours and name in self.rows:
            self.rows[name].value.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_offer(self, offer: Offer, another: bool) -> None:
        self.toggles.setEnabled(True)  # before: each row would tell a screen reader of it
        self.toggles.show_offer(offer)
        if another:
            self.toggles.verticalScrollBar().setValue(0)

    def _show_choices(self) -> None:
        """Switches, values and prediction as they are now."""
        chosen, preview = self.draft.chosen, self.draft.preview
        if chosen is not None:
            self.presets.choose(chosen.preset)
            self.toggles.show_chosen(chosen)
        if preview is not None:
            self.prediction.show_preview(preview)
        self._show_short()

    def _show_short(self) -> None:
        """What the choices do not do: the first of it in words, all of it in the tooltip."""
        chosen, preview = self.draft.chosen, self.draft.preview
        told: tuple[Message, ...] = ()
        if chosen is not None and preview is not None and self.draft.nothing is None:
            offer = self.draft.offer
            plan = None if offer is None else offer.plan
            told = shortfalls(preview, chosen.preset if self.draft.choices else None, plan)
        words = [plain(translate(each)) for each in told]
        self.short.setText(together(words[:SHORT]))
        give_tip(self.short, "\n".join(words[SHORT:]))
        self.short.setVisible(bool(words))


class Folding(QObject):
    """The hint, the prediction with and without its layers, and the command, as far as the switches leave room.

    Whether a part is wanted goes by the height of the window, so that it stays while other things are switched on;
    whether it has room is reckoned from what all parts need. Decided against trying: what is shown and hidden again
    would flicker, and ask for a layout each time.
    """

    def __init__(
        self,
        theme: Theme,
        column: QWidget,
        toggles: ToggleList,
        hint: HintLine,
        prediction: Prediction,
        command: QWidget,
    ) -> None:
        super().__init__(column)
        self._theme, self._column, self._toggles = theme, column, toggles
        self._hint, self._prediction, self._command = hint, prediction, command
        self._wanted = (False, False, False)
        column.installEventFilter(self)

    def want(self, height: int, *, usable: bool, command: bool) -> None:
        """`height` of the window; `usable`: there are switches; `command`: there can be one that does the same."""
        high = [height >= self._theme.px(least) for least in (FOLD_PREDICTION, FOLD_LAYERS, FOLD_COMMAND)]
        self._wanted = (usable and high[0], usable and high[1], command and high[2])
        self._fold()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The column has another size, or other words."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._fold()
        return super().eventFilter(watched, event)

    def _fold(self) -> None:
        hint, prediction, command, layout = self._hint, self._prediction, self._command, self._column.layout()
        assert layout is not None
        gap, (bars, layers), barred = layout.spacing(), prediction.heights, not prediction.isHidden()
        parts = (  # the most important first: its height, whether it is wanted, whether it is there
            (hint.heightForWidth(layout.contentsRect().width()) + gap, hint.hint is not None, not hint.isHidden()),
            (bars + gap, self._wanted[0], barred),  # the sheet of the relaunch has them too
            (layers, self._wanted[1], barred and not prediction.folded),
            (command.sizeHint().height() + gap, self._wanted[2], not command.isHidden()),
        )
        spare = self._column.height() - layout.totalMinimumHeightForWidth(self._column.width()) - self._toggles.spare
        spare += sum(height for height, _, there in parts if there)
        shown = []
        for height, wanted, _ in parts:
            shown.append(wanted and height <= spare)
            if wanted:  # where one finds no room, none that is less important does
                spare = spare - height if height <= spare else -1
        hint.setVisible(shown[0])
        prediction.setVisible(shown[1])
        prediction.set_folded(not shown[2])
        command.setVisible(shown[3])

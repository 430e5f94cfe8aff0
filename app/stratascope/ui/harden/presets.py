"""The switch of presets on top of the right column: Recommended, Restricted, Strict, and one's own choice."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import GRADES, Preset
from stratascope.i18n.translate import translate
from stratascope.ui.kit.buttons import Segment, SegmentStrip
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import Theme

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

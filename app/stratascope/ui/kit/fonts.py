"""Which fonts the window writes with: Inter (in `resources/fonts`) for Latin, a family with a real bold for Japanese,
and the desktop's own for everything else.

Without a bold, Qt writes a heading in Japanese like the text below it; so a family that has one is asked before those
that have none. Decided against shipping Japanese letters: they are 20 MB a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from PySide6.QtGui import QFont, QFontDatabase

from stratascope import resources

INTER = "Stratascope Inter"
# Best first: drawn for screens, with regular and bold, and with the forms that Japanese uses
JAPANESE = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "Source Han Sans JP",
    "Source Han Sans",
    "BIZ UDPGothic",
    "IBM Plex Sans JP",
    "Hiragino Sans",
    "Yu Gothic UI",
    "Meiryo UI",
    "M PLUS 1p",
    "M PLUS 2",
    "MotoyaLCedar",
    "Noto Sans CJK SC",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
)
_STROKED = ("serif", "mincho", "明朝", "ming", "song", "mono", "code")  # words of families for other uses


@cache
def inter() -> str:
    """Load Inter once per application; return its family, "" where the files are missing or damaged.

    Takes 4 ms for its four weights, 190 KB.
    """
    try:
        files = sorted(resources.path("fonts").glob("Inter-*.ttf"))
    except resources.MissingResourceError:
        return ""
    loaded = [QFontDatabase.addApplicationFont(str(file)) for file in files]
    return INTER if loaded and -1 not in loaded else ""


def has_bold(family: str) -> bool:
    """Whether a family has a style that is bold by design."""
    return any(QFontDatabase.weight(family, style) >= QFont.Weight.DemiBold for style in QFontDatabase.styles(family))


def best_japanese(installed: Iterable[str], bold: Callable[[str], bool] = has_bold) -> str:
    """Return the best of these families for Japanese; "" if none of them has a bold."""
    named = {each.partition(" [")[0]: each for each in installed}  # Qt adds the foundry where two have one name
    for family in JAPANESE:
        if family in named and bold(named[family]):
            return named[family]
    others = sorted(named, key=lambda name: (any(word in name.lower() for word in _STROKED), name))
    return next((named[name] for name in others if bold(named[name])), "")


@cache
def japanese() -> str:
    """Return the family for Japanese on this desktop; "" if none has a bold: Qt then takes what there is."""
    return best_japanese(QFontDatabase.families(QFontDatabase.WritingSystem.Japanese))


def families(desktop: Sequence[str]) -> list[str]:
    """Return the families in which text is looked for, in that order. `desktop`: the families of its font."""
    theirs = [each for each in desktop if each not in (inter(), japanese())]
    known = QFontDatabase.WritingSystem.Japanese
    signs = [each for each in theirs if known in QFontDatabase.writingSystems(each)]
    latin = [each for each in theirs if each not in signs]
    return [each for each in (inter(), *latin, japanese(), *signs) if each]


def fixed(desktop: Sequence[str]) -> list[str]:
    """Return the families of the desktop's fixed font, and after them the one for Japanese."""
    return [each for each in (*desktop, japanese()) if each]


def tabular(font: QFont) -> QFont:
    """Return it with digits of equal width, for numbers below each other."""
    font.setFeature(QFont.Tag("tnum"), 1)
    return font

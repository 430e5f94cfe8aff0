"""Makes `resources/fonts/Inter-*.ttf`: the letters of Inter that the window writes with, in four weights.

    apt-get download fonts-inter-variable && dpkg-deb -x fonts-inter-variable_*.deb inter
    pip install fonttools==4.68.0
    python packaging/fonts/inter.py inter/usr/share/fonts/truetype/inter/InterVariable.ttf

Inter 4.1 as Debian builds it (fonts-inter-variable 4.1+ds-1), SIL Open Font License 1.1. The same input gives the same
bytes. It keeps Latin with its accents, punctuation, arrows and signs, kerning and tabular figures; not the contextual
forms, which would draw `->` of a command as an arrow. Other scripts come from the desktop's own fonts. Decided against
one variable file: Qt 6.11 finds its weights by number only, not by QFont.setWeight or a style sheet.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

SOURCE = "4989b125924991b90d05b2d16e0e388c48f7d5bb8b30539bbf9c755278d0ccaf"  # SHA-256 of InterVariable.ttf
FAMILY = "Stratascope Inter"  # a name of its own, or Qt would mix it with an Inter of the desktop
WEIGHTS = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}
TEXT_SIZE = 14  # of the axis `opsz`: the forms for text, not for headlines
LETTERS = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2027), (0x2030, 0x2033), (0x2039, 0x203A), (0x2044, 0x2044),
    (0x20AC, 0x20AC), (0x2122, 0x2122), (0x2190, 0x2199), (0x2212, 0x2212), (0x2248, 0x2248), (0x2260, 0x2265),
    (0x2318, 0x2318), (0x25A0, 0x25FF), (0x2713, 0x2717),
)  # fmt: skip
FEATURES = ["kern", "tnum", "ccmp", "mark", "mkmk", "locl"]
TARGET = Path(__file__).parents[2] / "resources" / "fonts"


def cut(source: Path, weight: int) -> TTFont:
    """Return the font of one weight with our letters alone."""
    font = TTFont(source, recalcTimestamp=False)
    options = Options(layout_features=FEATURES, hinting=False, name_IDs=[0, 5, 13, 14], glyph_names=False)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[each for first, last in LETTERS for each in range(first, last + 1)])
    subsetter.subset(font)
    font = instancer.instantiateVariableFont(font, {"opsz": TEXT_SIZE, "wght": weight})
    style = WEIGHTS[weight]
    for number, text in (
        (1, FAMILY if weight in (400, 700) else f"{FAMILY} {style}"),
        (2, style if weight in (400, 700) else "Regular"),
        (3, f"{FAMILY} {style}"),
        (4, f"{FAMILY} {style}"),
        (6, f"{FAMILY}-{style}".replace(" ", "")),
        (16, FAMILY),
        (17, style),
    ):
        font["name"].setName(text, number, 3, 1, 0x409)
    font["OS/2"].usWeightClass = weight
    font["OS/2"].fsSelection = font["OS/2"].fsSelection & ~0x61 | (
        0x20 if weight == 700 else 0x40 if weight == 400 else 0
    )
    font["head"].macStyle = int(weight == 700)
    return font


def main(words: list[str]) -> None:
    """Write all weights."""
    source = Path(words[0])
    found = hashlib.sha256(source.read_bytes()).hexdigest()
    if found != SOURCE:
        raise SystemExit(f"{source} is another file than the one that this was made of: {found}")
    TARGET.mkdir(exist_ok=True)
    for weight in WEIGHTS:
        cut(source, weight).save(TARGET / f"Inter-{weight}.ttf")


if __name__ == "__main__":
    main(sys.argv[1:])

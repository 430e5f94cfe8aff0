"""What is found for some words: pure, in an order that does not depend on what was typed before. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.value import Value

MOST = 60  # that are shown


class PaletteEntry(Value):
    """Something that can be gone to, or done. `kind`: what it is, in a word; `more`: keys, or what is said beside it;
    `words`: further ones by which it is found, such as an id.
    """

    title: str
    kind: str
    act: Callable[[], object]
    more: str = ""
    words: str = ""


def found(places: Sequence[PaletteEntry], text: str) -> tuple[PaletteEntry, ...]:
    """Those that have all words of the text, the best first; all of them where there is none. At most `MOST`."""
    words = text.casefold().split()
    if not words:
        return tuple(places[:MOST])
    ranked = []
    for number, place in enumerate(places):
        title = place.title.casefold()
        whole = f"{title} {place.words.casefold()} {place.kind.casefold()}"
        if all(word in whole for word in words):
            ranked.append((_rank(title, words), number, place))
    ranked.sort(key=lambda each: each[:2])
    return tuple(place for _, _, place in ranked[:MOST])


def _rank(title: str, words: Sequence[str]) -> tuple[int, int]:
    """The title itself, its beginning, the beginning of a word in it, anything else; the shorter title first."""
    first = words[0]
    if title == " ".join(words):
        return 0, 0
    if title.startswith(first):
        return 1, len(title)
    if any(part.startswith(first) for part in title.replace("_", " ").split()):
        return 2, len(title)
    return 3, len(title)

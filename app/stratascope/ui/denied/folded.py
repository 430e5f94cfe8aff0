"""Which refusals a person has called harmless, kept in the settings: by image, so that no other one hides behind it.

What is kept are digests: what a refusal is known by holds names and paths that a container chose.
"""

from __future__ import annotations

import hashlib

from stratascope.ui.kit.feed import SettingsLike

KEPT = "denied_harmless"  # key in the settings
MOST = 500  # the oldest goes first
_LENGTH = 24  # hexadecimal digits of a digest


class FoldedKinds:
    """Those that a person folded away."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        words = (settings.get(KEPT) or "").split()
        self._kept = dict.fromkeys(word for word in words[-MOST:] if len(word) == _LENGTH and word.isalnum())

    def has(self, image: str, key: str) -> bool:
        """Whether such a refusal is called harmless in containers of that image."""
        return _digest(image, key) in self._kept

    def turn(self, image: str, key: str, *, harmless: bool) -> None:
        """From now on it is, or is not."""
        digest = _digest(image, key)
        self._kept.pop(digest, None)
        if harmless:
            self._kept[digest] = None
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        self._settings.set(KEPT, " ".join(self._kept))


def _digest(image: str, key: str) -> str:
    return hashlib.sha256(f"{image}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]

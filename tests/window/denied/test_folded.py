"""Refusals marked as harmless, as stored in the settings."""

from __future__ import annotations

from stratascope.ui.denied.refusal_feed import KEPT, MOST, FoldedKinds
from stratascope.ui.kit.background import MemorySettings


def test_for_that_image_alone() -> None:
    settings = MemorySettings()
    FoldedKinds(settings).turn("one", "open\0nginx\udc80", harmless=True)
    again = FoldedKinds(settings)
    assert again.has("one", "open\0nginx\udc80")
    assert not again.has("two", "open\0nginx\udc80")
    assert not again.has("one", "open")
    again.turn("one", "open\0nginx\udc80", harmless=False)
    assert not FoldedKinds(settings).has("one", "open\0nginx\udc80")


def test_digests_and_not_too_many() -> None:
    """The oldest are dropped first; invalid settings are ignored."""
    settings = MemorySettings()
    settings.set(KEPT, "what somebody wrote \x00 <b>")
    folded = FoldedKinds(settings)
    for each in range(MOST + 5):
        folded.turn("image", f"secret {each}", harmless=True)
    kept = (settings.get(KEPT) or "").split()
    assert len(kept) == MOST
    assert all(len(each) == 24 and int(each, 16) >= 0 for each in kept)
    assert not folded.has("image", "secret 4")
    assert folded.has("image", "secret 5")

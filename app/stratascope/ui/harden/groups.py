"""Under which head a switch stands in the right column. A further head is one more entry of `HEADS`."""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.severity import SERIOUS, Severity
from stratascope.usecases.plan.offers import Offer, Option
from stratascope.value import Value


class Head(Value):
    """`has`: whether that option stands under it; the first head that has it counts. `title` and `said`, which stands
    behind it (None: nothing), of the offer and of the options that are there. `ink`: its colour token.
    """

    has: Callable[[Option], bool]
    title: Callable[[Offer], Message]
    said: Callable[[Offer, tuple[Option, ...]], Message | None] = lambda offer, there: None
    ink: Callable[[Offer], str] = lambda offer: "text2"


def _critical(offer: Offer) -> bool:
    return offer.smallest is not None and bool(offer.smallest.before.open(Severity.CRITICAL))


def _closes(offer: Offer) -> Message:
    return msg("Closes what is critical") if _critical(offer) else msg("Closes what is serious")


def _how_many(offer: Offer, there: tuple[Option, ...]) -> Message | None:
    if offer.smallest is None:
        return None
    before, after = (
        sum(len(matrix.open(severity)) for severity in SERIOUS)
        for matrix in (offer.smallest.before, offer.smallest.after)
    )
    return plural("{count} toggle, {serious} serious", "{count} toggles, {serious} serious", len(there),
                  serious=before - after)  # fmt: skip


HEADS = (
    Head(
        lambda option: Preset.CRITICAL in option.presets,
        _closes,
        _how_many,
        lambda offer: "open" if _critical(offer) else "weak",
    ),
    Head(
        lambda option: option.asking is not None,
        lambda offer: msg("Wanted by this container"),
        lambda offer, there: msg("refused in the last 24 h"),
    ),
    Head(lambda option: option.toggle.limit, lambda offer: msg("Limits")),
    Head(lambda option: True, lambda offer: msg("Good practice")),
)


def head_of(option: Option) -> Head:
    """Its head."""
    return next(head for head in HEADS if head.has(option))

"""Who makes sandboxes: a row a maker. A new one is one row."""

from __future__ import annotations

from stratascope.core.sandboxes.sandbox import Group
from stratascope.value import Value


class Maker(Value):
    """One of them."""

    id: str
    title: str  # a proper name, the same in all languages
    group: Group


MAKERS: tuple[Maker, ...] = (Maker("none", "", Group.OTHER),)

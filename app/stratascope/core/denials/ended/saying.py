"""A sentence of an engine, a runtime or a program's log, and what it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stratascope.core.container import Asked
from stratascope.core.denials.complaints import in_line
from stratascope.core.denials.denial import Claim, Strength
from stratascope.core.message import Message
from stratascope.core.relaunch.want import HeldCapability, Want
from stratascope.value import Value, replace

Found = dict[str, str]
Wants = Callable[[Asked, Found], tuple[Want, ...]]
Fits = Callable[[Asked, Found], bool]
_FIELDS = re.compile(r"\{(\w+)\}")
_NUMBERED = re.compile(r"\d+$")


def nothing(asked: Asked, found: Found) -> tuple[Want, ...]:
    """No option that we know would help."""
    return ()


class Saying(Value):
    """`pattern`: without regard to case; its named groups fill the fields of `text`, digits at their ends left out.
    `path` is the one beside it where no group is called so, `lacking` the capabilities that are wanted. `wants`: by
    what was found. `fits`: whether it can be so with these options.
    """

    pattern: str
    layer: str
    text: Message
    wants: Wants = nothing
    fits: Fits = lambda asked, found: True


def claim_of(saying: Saying, text: str, asked: Asked, strength: Strength) -> Claim | None:
    """What the sentence means, where the text has it."""
    sought = re.compile(saying.pattern, re.IGNORECASE)
    match = sought.search(text)
    if match is None:
        return None
    found = {_NUMBERED.sub("", name): value for name, value in match.groupdict().items() if value}
    if "path" not in found and (line := in_line(text, sought)) is not None and line.path:
        found["path"] = line.path
    if not saying.fits(asked, found):
        return None
    wants = saying.wants(asked, found)
    lacking = [name.removeprefix("CAP_") for want in wants if isinstance(want, HeldCapability) for name in want.names]
    return Claim(saying.layer, filled(saying.text, {**found, "lacking": ", ".join(lacking)}), strength, wants)


def first(sayings: Sequence[Saying], text: str, asked: Asked, strength: Strength) -> Claim | None:
    """The first of them that the text has."""
    for saying in sayings:
        claim = claim_of(saying, text, asked, strength)
        if claim is not None:
            return claim
    return None


def filled(text: Message, found: Found) -> Message:
    """The sentence with what was found; a field for which nothing was is a question mark."""
    had = dict(text.args)
    names = _FIELDS.findall(text.id)
    return replace(text, args=tuple((name, found.get(name) or had.get(name, "?")) for name in names)) if names else text

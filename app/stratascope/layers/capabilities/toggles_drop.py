"""The toggle that takes single capabilities away, whatever else is chosen.

`capabilities` says what is left, so it has to know all that a program needs; this one says what goes, and leaves
the rest alone. It is applied after that one. A set that closes what is dangerous is made of it.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import bounding, engine_default, named, with_result
from stratascope.core.relaunch.toggle import Cure, Proof, Proven, Subject, Toggle, ToggleError, Unit
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.findings import short
from stratascope.layers.capabilities.losses import doubts, losses
from stratascope.layers.capabilities.toggles_privileged import PRIVILEGED
from stratascope.layers.shared.signs_of_use import capabilities_used
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset
from stratascope.linux.capability import CapabilitySet, number_of
from stratascope.linux.decode import DecodeError
from stratascope.value import replace

_LAYER, _BOUNDING = "capabilities", "@status:CapBnd"


def checked_names(value: str, subject: Subject) -> str:
    """Capabilities as typed, in their plain form: CAP_… names, in the kernel's order. Raises ToggleError."""
    numbers = set()
    for name in value.split(","):
        try:
            numbers.add(number_of(name.strip()))
        except DecodeError:
            raise ToggleError(
                msg("There is no capability {name}. Give names such as NET_BIND_SERVICE.", name=name.strip())
            ) from None
    facts: CapabilityFacts | None = subject.of(_LAYER)
    last = None if facts is None else facts.last
    if last is not None and max(numbers) > last:
        name = short(CapabilitySet(1 << max(numbers)))
        raise ToggleError(msg("This kernel has no capability {name}.", name=name))
    return ",".join(CapabilitySet(sum(1 << number for number in numbers)).names())


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    gone = named(tuple(value.split(",")))
    if asked.privileged or not bounding(asked, subject.engine) & gone:
        return asked
    added = tuple(name for name in asked.cap_add if name == "ALL" or not named((name,)) & gone)
    left = replace(asked, cap_add=added)
    # a name that is given anyway, by default or by ALL, has to be taken away by name
    given = with_result(left, subject.engine)
    more = named(given.capabilities or ()) & gone
    return with_result(replace(left, cap_drop=(*asked.cap_drop, *more.names())), subject.engine)


def _risks(value: str, subject: Subject) -> tuple[Message, ...]:
    return losses(bounding(subject.container.asked, subject.engine) - named(tuple(value.split(","))), subject)


def _prove(facts: CapabilityFacts | None, value: str, subject: Subject) -> Proof:
    gone = named(tuple(value.split(",")))
    expected = msg("It has none of {names}", names=short(gone))
    if facts is None or facts.bounding is None or facts.effective is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _BOUNDING)
    whole = facts.bounding | facts.effective | (facts.permitted or CapabilitySet())
    still = whole & gone
    found = msg("It has {names}", names=short(still)) if still else msg("It has none of them")
    return Proof(Proven.NOT_ENFORCED if still else Proven.ENFORCED, expected, found, _BOUNDING)


def _pieces(subject: Subject) -> tuple[str, ...]:
    """Each one that it has, or would have once it is no longer privileged."""
    asked = subject.container.asked
    return bounding(PRIVILEGED.apply(asked, "off", subject), subject.engine).names()


DROP = Toggle(
    "drop",
    _LAYER,
    msg("Drop capabilities"),
    msg("Takes these capabilities away, and leaves the others."),
    "CAP,CAP",
    checked_names,
    _apply,
    lambda asked, subject: not asked.privileged and not bounding(asked, subject.engine),
    _risks,
    _prove,
    in_no_preset,
    doubts=lambda value, subject: doubts(
        bounding(subject.container.asked, subject.engine) & named(tuple(value.split(","))), subject
    ),
    cure=lambda value, subject: (
        Cure.BARRIER if named(tuple(value.split(","))) & engine_default(subject.engine) else Cure.GRANT
    ),
    used=lambda value, subject: capabilities_used(
        bounding(subject.container.asked, subject.engine) & named(tuple(value.split(","))), subject
    ),
    goes_along=True,
    default="CAP_MKNOD",
    unit=Unit.CAPABILITIES,
    overridden=True,
    pieces=_pieces,
    single=msg("Drop {name}"),
)

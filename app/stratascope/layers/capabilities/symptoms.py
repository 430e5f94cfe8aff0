"""Which capability a failed program lacked, by what its log complains of (`core.denials.complaints`)."""

from __future__ import annotations

from stratascope.core.denials.complaints import DENIED, NEEDS, NOT_PERMITTED, REFUSED, find
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Failure, Subject, Suspicion
from stratascope.layers.shared.unprivileged_ports import PRIVILEGED_PORTS
from stratascope.linux.capability import CapabilitySet

_SURE, _LIKELY, _PERHAPS = 90, 60, 35


def lacked(failure: Failure, lost: CapabilitySet, subject: Subject) -> tuple[int, tuple[str, ...]] | None:
    """How sure, and which of the lost ones."""
    for pattern, names in NEEDS:
        line = find(failure, REFUSED, lambda line, sought=pattern: find(Failure(line.text), sought) is not None)  # type: ignore[misc]
        mine = (CapabilitySet.of(names) & lost).names()
        if line is not None and mine:
            return _SURE, mine
    low = [port for port in failure.silent if port < PRIVILEGED_PORTS]
    if low and CapabilitySet.of(("CAP_NET_BIND_SERVICE",)) & lost:
        return _LIKELY, ("CAP_NET_BIND_SERVICE",)
    files = CapabilitySet.of(("CAP_DAC_OVERRIDE",)) & lost
    if files and find(failure, DENIED, lambda line: bool(line.path)) is not None:
        return _LIKELY, files.names()
    if lost and find(failure, NOT_PERMITTED) is not None:
        return _PERHAPS, ()
    return None


def suspicion(found: tuple[int, tuple[str, ...]] | None, keep: CapabilitySet) -> Suspicion | None:
    """With the value that would leave it in."""
    if found is None:
        return None
    weight, names = found
    if not names:
        return Suspicion(weight, msg("It was denied something that may need a capability."))
    value = ",".join(name.removeprefix("CAP_") for name in (keep | CapabilitySet.of(names)).names())
    text = msg("It seems to need {names}. Keep them: capabilities={value}.",
               names=", ".join(name.removeprefix("CAP_") for name in names), value=value)  # fmt: skip
    return Suspicion(weight, text)

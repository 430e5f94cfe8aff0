"""Which capabilities the kernel asks for at a system call, by the catalogue of threats."""

from __future__ import annotations

from functools import cache

from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.needs import Calls, Capability


@cache
def asked_by_kernel(call: str) -> tuple[str, ...]:
    """Capabilities of which the kernel requires any for that call, taken from threat routes that begin with the call.
    Later steps don't count: they may run in a user namespace created before.
    """
    found: set[str] | None = None
    for step in (route.steps[0] for threat in all_threats() for route in threat.routes):
        if any(call == each.name for need in step.needs if isinstance(need, Calls) for each in need.ways):
            asked = (need for need in step.needs if isinstance(need, Capability) and need.only_if is None)
            names = {name for need in asked for name in need.any_of}
            found = names if found is None else found & names
    return tuple(sorted(found or (), key=lambda name: (name == "CAP_SYS_ADMIN", name)))

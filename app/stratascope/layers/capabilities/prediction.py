"""Predicts the capabilities of a relaunched container's first process. Pure.

See `core.options.capabilities.held_after` for what a process keeps of what it is given.
"""

from __future__ import annotations

from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.options.capabilities import bounding, held_after, named, same_start, starts_as_root
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.shared.deciding_settings import port_start_after
from stratascope.layers.shared.whose_namespace import hosts_after, own_user_namespace_after
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace


def predict(facts: CapabilityFacts | None, before: Asked, after: Asked, around: Surroundings) -> CapabilityFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    if not same_start(before, after):
        found = _sets(found, before, after, around.engine)
    no_new_privs = found.no_new_privs
    if before.no_new_privileges != after.no_new_privileges:
        no_new_privs = True if after.no_new_privileges else None  # a program may have set it itself (prctl(2))
    regain = None
    if no_new_privs is not None and found.bounding is not None and found.permitted is not None:
        regain = CapabilitySet() if no_new_privs else found.bounding - found.permitted
    network, processes = before.network_mode == after.network_mode, before.pid_mode == after.pid_mode
    return replace(
        found,
        effective_names=None if found.effective is None else found.effective.names(),
        no_new_privs=no_new_privs,
        regain_by_exec=regain,
        initial_user_namespace=_initial(found, before, after, around.engine),
        host_processes=found.host_processes if processes else hosts_after(after.pid_mode, around),
        root_inside=found.root_inside if _same_user(before, after) else _root(after),
        host_network=found.host_network if network else hosts_after(after.network_mode, around, network=True),
        port_start=port_start_after(found.port_start, before, after, around),
    )


def _sets(facts: CapabilityFacts, before: Asked, after: Asked, engine: Engine) -> CapabilityFacts:
    wanted = bounding(after, engine)
    lasting = facts.bounding
    if lasting is not None:
        # what it dropped from the bounding set itself, or what the engine lacks, it won't have then either
        was = CapabilitySet.full(facts.last) if before.privileged else bounding(before, engine)
        lasting = wanted if was <= lasting else wanted & (lasting | (wanted - was))
    now = None if facts.effective is None else facts.effective.bits
    held = None if facts.permitted is None else facts.permitted.bits
    effective, permitted = (held_after(mask, before, after, engine) for mask in (now, held))
    if lasting is not None:
        effective, permitted = (None if mask is None else mask & lasting.bits for mask in (effective, permitted))
    given = CapabilitySet()
    if not starts_as_root(after) and engine.kind is EngineKind.PODMAN:
        given = named(after.cap_add) & wanted
    kept = _same_user(before, after)
    return replace(
        facts,
        bounding=lasting,
        effective=_set(effective),
        permitted=_set(permitted),
        inheritable=given if not kept else None if facts.inheritable is None else facts.inheritable & (wanted | given),
        ambient=given if not kept else None if facts.ambient is None else facts.ambient & (wanted | given),
    )


def _set(bits: int | None) -> CapabilitySet | None:
    return None if bits is None else CapabilitySet(bits)


def _initial(facts: CapabilityFacts, before: Asked, after: Asked, engine: Engine) -> bool | None:
    own = own_user_namespace_after(before, after, engine)
    return facts.initial_user_namespace if own is None else not own


def _same_user(before: Asked, after: Asked) -> bool:
    return before.user == after.user and starts_as_root(before) == starts_as_root(after)


def _root(after: Asked) -> bool | None:
    if starts_as_root(after):
        return True
    name = after.user.partition(":")[0]
    return False if name == "" or (name.isascii() and name.isdigit()) else None  # another name may be root's as well

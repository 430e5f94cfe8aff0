"""Namespaces as reported by the engine, where this reader may not read them. Pure.

The engine reports the mode of five kinds, and no engine starts a container in the host's mount namespace. For another
container's namespace it only says whose it is: whether that container has the host's would have to be read there.
"""

from __future__ import annotations

from stratascope.core.ground import NAMESPACES, Surroundings
from stratascope.layers.namespaces.facts import NamespaceFact, NamespacesAsked, NamespacesFacts
from stratascope.layers.shared.toggle_values import hosts_after, initial_user_namespace, shared_mode
from stratascope.linux.namespace import Kind
from stratascope.value import replace


def as_requested(facts: NamespacesFacts, asked: NamespacesAsked, around: Surroundings) -> NamespacesFacts:
    """See `core.layer.Layer.as_requested`."""
    found = {kind: _whole(kind, facts.of(kind), asked, around) for kind in NAMESPACES}
    if all(found[kind] == facts.of(kind) for kind in NAMESPACES):
        return facts
    return replace(
        facts,
        cgroup=found["cgroup"],
        ipc=found["ipc"],
        mnt=found["mnt"],
        net=found["net"],
        pid=found["pid"],
        user=found["user"],
        uts=found["uts"],
    )


def _whole(kind: str, read: NamespaceFact | None, asked: NamespacesAsked, around: Surroundings) -> NamespaceFact | None:
    mode, others = asked.of(kind), around.peers.requested_of(kind)
    known = others != () or kind == Kind.MNT or (mode != "" and not shared_mode(mode))
    if read is not None and read.shared_with_host is not None:
        return replace(read, shared_with=others) if known and read.shared_with is None else read
    match kind:
        case Kind.MNT:
            hosts: bool | None = False
        case Kind.USER:
            hosts = initial_user_namespace(asked.userns_mode, asked.uid_map, around.engine)
        case _:
            hosts = hosts_after(mode, around, network=kind == Kind.NET) if mode else None
    return read if hosts is None else NamespaceFact(None, hosts, others if known or hosts else None)

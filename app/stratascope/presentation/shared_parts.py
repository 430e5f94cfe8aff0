"""Who shares what, in words."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.overview.shared_parts import Shared, SharedKind
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.explanations import LABELS
from stratascope.linux.namespace import Namespace

KINDS: dict[SharedKind, Message] = {
    SharedKind.HOST: msg("The host's own"),
    SharedKind.NAMESPACE: msg("Namespace"),
    SharedKind.PATH: msg("Host path"),
    SharedKind.VOLUME: msg("Volume"),
    SharedKind.IDS: msg("Host users"),
    SharedKind.NETWORK: msg("Network"),
    SharedKind.CGROUP: msg("Cgroup"),
}
_MEANS: dict[str, Message] = {
    "pid": msg("They see each other's processes, and can signal those of their own user."),
    "net": msg("They reach each other at 127.0.0.1, and share ports and firewall rules."),
    "ipc": msg("They can read and write each other's shared memory and message queues."),
    "uts": msg("They all have one host name."),
    "cgroup": msg("They see each other's cgroups."),
    "user": msg("A user in one is the same user in the other."),
    "mnt": msg("They see the same files."),
    "time": msg("They all have the same clocks since boot."),
}
_KIND_MEANS: dict[SharedKind, Message] = {
    SharedKind.PATH: msg("Files written by one can be read by the others, and by the host."),
    SharedKind.VOLUME: msg("Files written by one can be read by the others."),
    SharedKind.IDS: msg(
        "A process that breaks out of one is the same host user as the others, and can access and end them."
    ),
    SharedKind.NETWORK: msg("They reach each other's ports, published or not."),
    SharedKind.CGROUP: msg("A limit of that group applies to all of them together."),
}
_HOSTS: dict[str, Message] = {
    "pid": msg("They see the host's processes, and each other's."),
    "net": msg("They use the host's network, and reach services that listen only there."),
    "ipc": msg("They use the host's shared memory and message queues."),
    "uts": msg("They have the host's name, and can change it with SYS_ADMIN."),
    "cgroup": msg("They see the host's cgroups."),
}


def what(shared: Shared) -> str:
    """The shared thing."""
    if shared.kind in (SharedKind.HOST, SharedKind.NAMESPACE) and shared.name:
        return translate(LABELS[Namespace(shared.name)])
    return plain(shared.name, 300)


def kind(shared: Shared) -> str:
    """The kind of the shared thing."""
    return translate(KINDS[shared.kind])


def meaning(shared: Shared) -> str:
    """What sharing it means."""
    if shared.kind is SharedKind.HOST:
        found = _HOSTS.get(shared.name)
    elif shared.kind is SharedKind.NAMESPACE:
        found = _MEANS.get(shared.name)
    else:
        found = _KIND_MEANS[shared.kind]
    return "" if found is None else translate(found)

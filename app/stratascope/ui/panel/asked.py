"""What an engine was told, for a layer of which nothing could be read: the fields of its options, in words.

By the names of fields, not of layers: a layer that is new here shows its fields under their own names until they have
words. Decided against words in the layers themselves, as only the window draws this.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.container import AskedDevice, AskedMount, LogKeeping, ProfileKind
from stratascope.core.layer import Row, Table
from stratascope.core.message import Message, msg
from stratascope.core.options.table import TITLES
from stratascope.core.sizes import size_text
from stratascope.i18n.translate import listed, translate
from stratascope.layers.namespaces.explanations import LABELS
from stratascope.linux.namespace import Namespace
from stratascope.value import Value

# Of fields that no option has for itself
NAMES = {
    "pid": LABELS[Namespace.PID],
    "ipc": LABELS[Namespace.IPC],
    "uts": LABELS[Namespace.UTS],
    "net": LABELS[Namespace.NET],
    "cgroup": LABELS[Namespace.CGROUP],
    "root_read_only": msg("Root directory read-only"),
    "in_pod": msg("In a pod"),
    "own_users": msg("Own user namespace"),
    "restored": msg("Restored from a checkpoint"),
    "added": msg("Added"),
    "dropped": msg("Dropped"),
    "bounding": msg("Bounding set"),
    "profile": msg("Seccomp profile"),
    "custom": msg("Profile file or text"),
    "host_processes": msg("The host's processes or shared memory"),
    "network": msg("Network"),
    "first_free_port": msg("First unprivileged port"),
}
_LIMITS = ("memory", "memory_swap", "pids", "cpu_cores")  # None, 0 or -1: none was asked for
_PROFILES = {
    ProfileKind.DEFAULT: msg("The engine's default"),
    ProfileKind.CUSTOM: msg("Custom"),
    ProfileKind.UNCONFINED: msg("None: unconfined"),
    ProfileKind.UNKNOWN: msg("Not known"),
}
_LOGS = {
    LogKeeping.UNLIMITED: msg("Stored without a size limit"),
    LogKeeping.LIMITED: msg("Stored up to a set size"),
    LogKeeping.JOURNAL: msg("Written to the host's journal"),
    LogKeeping.ELSEWHERE: msg("Passed to another program"),
    LogKeeping.UNKNOWN: msg("Not known"),
}


def asked_table(asked: object) -> Table | None:
    """What the engine was told, field by field."""
    if not isinstance(asked, Value):
        return None
    rows = tuple(Row(_name(field), _value(field, getattr(asked, field)), "inspect")
                 for field in asked.__struct_fields__)  # fmt: skip
    return Table(msg("What the engine was asked for"), rows) if rows else None


def _name(field: str) -> Message:
    return NAMES.get(field) or TITLES.get(field) or msg("{text}", text=field.replace("_", " "))


def _value(field: str, value: object) -> Message:
    match value:
        case None | int() | float() if field in _LIMITS and (value or 0) <= 0:
            return msg("No limit")
        case None if field.endswith("_paths"):
            return msg("The engine's default")
        case None:
            return msg("The engine does not say")
        case bool():
            return msg("yes") if value else msg("no")
        case ProfileKind():
            return _PROFILES[value]
        case LogKeeping():
            return _LOGS[value]
        case int() if field.startswith("memory"):
            return msg("{text}", text=size_text(value))
        case float():
            return msg("{cores} cores", cores=value)
        case tuple() if all(isinstance(part, str) for part in value):  # names and paths, which no language joins
            return msg("{text}", text=", ".join(map(str, value)) or "–")
        case tuple():
            return msg("{text}", text=listed(_parts(value)))
    return msg("{text}", text=str(value) or "–")


def _parts(values: tuple[object, ...]) -> Iterator[str]:
    for value in values:
        match value:
            case AskedMount(writable=True):
                yield translate(msg("{source} at {target}, writable", source=_source(value), target=value.target))
            case AskedMount():
                yield translate(msg("{source} at {target}, read-only", source=_source(value), target=value.target))
            case AskedDevice():
                yield value.target or value.source
            case tuple():  # of a map of ids
                yield ":".join(str(part) for part in value)
            case _:
                yield str(value)


def _source(mount: AskedMount) -> str:
    return mount.volume or mount.source or mount.kind

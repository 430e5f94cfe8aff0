"""What would close a row: a toggle of a container, an option of its engine, or one of who made a sandbox."""

from __future__ import annotations

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import Answer, Group, How, ReachRow, Remedy
from stratascope.core.reach.things import FROM_OUTSIDE, INWARD
from stratascope.core.sandboxes.lines import What, rows_of
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace

ENGINES = ("docker-socket", "podman-socket", "containerd-socket")
_OF_TOGGLES = {
    "network": What.NETWORK,
    "pid": What.PID,
    "no-new-privileges": What.NO_NEW_PRIVILEGES,
    "seccomp": What.FILTER,
}
_TOGGLES = {
    "abstract-sockets": ("network=private", msg("Give it a network of its own")),
    "host-loopback": ("network=private", msg("Give it a network of its own")),
    "published-ports": ("publish=loopback", msg("Publish on localhost only")),
    "host-processes": ("pid=private", msg("Give it processes of its own")),
    "signal-others": ("pid=private", msg("Give it processes of its own")),
    "trace-others": ("pid=private", msg("Give it processes of its own")),
    "devices": ("devices=remove", msg("Remove the devices")),
    "host-disks": ("devices=remove", msg("Remove the devices")),
    "set-uid": ("no-new-privileges=on", msg("Forbid new privileges")),
    "sudo": ("no-new-privileges=on", msg("Forbid new privileges")),
    "new-user-namespace": ("seccomp=default", msg("Use the engine's system call filter")),
}
_DEVICES = ("devices", "host-disks")


def added(row: ReachRow, subject: Judged) -> ReachRow:
    """The row with what would close it, if it is open and that is known."""
    if row.answer is not Answer.OPEN:
        return row
    found = _of_container(row, subject) if subject.engine is not None else _of_other(row, subject)
    return row if found is None else replace(row, remedy=found)


def _toggle(row: ReachRow, subject: Judged) -> tuple[str, Message]:
    """Empty if there is none. Of its ports, what closes them depends on how they are reached. A privileged one got its
    devices with the option.
    """
    if row.thing.id in _DEVICES and _all_devices(subject.state.container.asked):
        return "privileged=off", msg("Remove --privileged")
    if row.thing.id not in INWARD:
        return _TOGGLES.get(row.thing.id, ("", NOTHING))
    if _shares_network(subject):
        return _TOGGLES["host-loopback"]
    published = row.thing.id == FROM_OUTSIDE and subject.state.container.asked.ports
    return _TOGGLES[row.thing.id] if published else ("", NOTHING)


def _all_devices(asked: Asked) -> bool:
    return asked.privileged and not asked.devices


def _shares_network(subject: Judged) -> bool:
    facts = subject.facts("namespaces")
    return isinstance(facts, NamespacesFacts) and facts.net is not None and facts.net.shared_with_host is True


def _of_container(row: ReachRow, subject: Judged) -> Remedy | None:
    name = row.thing.id
    if name in ENGINES:
        return Remedy(How.TOGGLE, "engine-socket=remove", msg("Remove the engine socket"))
    value, text = _toggle(row, subject)
    if value:
        return Remedy(How.TOGGLE, value, text)
    if row.thing.group not in (Group.CREDENTIALS, Group.SOCKETS, Group.FILES) or not row.where:
        return None
    mount = _mount(row.where, subject.state.container.asked.mounts)
    if mount is None:
        return None
    if name.endswith("-write"):
        return Remedy(How.TOGGLE, "host-paths=read-only", msg("Mount {path} read-only", path=mount.source))
    text = msg("Leave out the mount of {source}, or mount only what it needs", source=mount.source)
    return Remedy(How.OPTION, f"{mount.source}:{mount.target}", text)


def _of_other(row: ReachRow, subject: Judged) -> Remedy | None:
    """What its maker has an option for goes into its plan."""
    sandbox = subject.state.container.sandbox
    rows = {} if sandbox is None else rows_of(sandbox.maker)
    for what, toggle, paths, text in (
        (What.HIDE, "hide", row.hides, msg("Hide {path} from it", path=", ".join(row.hides))),
        (What.LOCK, "lock", row.folders, msg("Let it have {path} read-only", path=", ".join(row.folders))),
    ):
        if what in rows and paths and not any("," in path for path in paths):
            return Remedy(How.TOGGLE, f"{toggle}={','.join(paths)}", text)
    value, text = _toggle(row, subject)
    if _OF_TOGGLES.get(value.partition("=")[0]) in rows:
        return Remedy(How.TOGGLE, value, text)
    if row.thing.group not in (Group.CREDENTIALS, Group.SOCKETS, Group.FILES) or not row.where:
        return None
    if row.thing.id.endswith("-write"):
        return Remedy(How.OPTION, row.where, msg("Let it have {path} read-only", path=row.where))
    return Remedy(How.OPTION, row.where, msg("Hide {path} from it", path=row.where))


def _mount(path: str, mounts: tuple[AskedMount, ...]) -> AskedMount | None:
    """The mount that shows this file of the machine, the nearest one."""
    fitting = [
        each
        for each in mounts
        if each.source == "/" or path == each.source or path.startswith(each.source.rstrip("/") + "/")
    ]
    return max((each for each in fitting if each.source), key=lambda each: len(each.source), default=None)

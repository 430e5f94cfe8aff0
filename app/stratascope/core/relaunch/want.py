"""Wants: what a refused attempt would have needed, in terms that toggles can grant (`Toggle.allows`). A closed set.

They decouple refusals from toggles: a refusal names wants, a toggle states which it grants, and
`usecases/refusals/remedies.py` offers the smallest change that would help.
"""

from __future__ import annotations

from stratascope.value import Value


class HeldCapability(Value):
    """These capabilities, effective in the process. `uid`: its uid in the container; None: not known."""

    names: tuple[str, ...]
    uid: int | None = None


class PassedCall(Value):
    """A system call that the filter allows, with these arguments."""

    abi: str
    name: str
    values: tuple[int, ...]


class WritablePlace(Value):
    """A writable path. `mount`: mount point of the read-only mount; "/" is the root file system."""

    path: str
    mount: str


class LooserMount(Value):
    """A path on a mount with that option, as mount(8) names it: exec, suid or dev."""

    path: str
    mount: str
    option: str


class ReadablePlace(Value):
    """A path that the engine masks."""

    path: str


class DeviceNode(Value):
    """A device of the host. `access`: some of r, w, m; `name`: its path in the host's /dev if known, "net/tun"."""

    path: str
    kind: str  # "c" or "b"
    number: str  # "10:200"
    access: str
    name: str = ""

    @property
    def of_host(self) -> str:
        """Its path on the host; "" if not known."""
        return self.path if self.path.startswith("/dev/") else f"/dev/{self.name}" if self.name else ""


class GainedRights(Value):
    """The rights of a set-uid program, or of one with file capabilities: no no_new_privs."""

    program: str


class MoreOf(Value):
    """A higher limit: memory, pids, nofile, nproc, fsize, memlock, shm … as in the engines' options. `now`: the current
    one; None: not known. `path`: the tmpfs whose size is limited.
    """

    what: str
    now: int | None = None
    path: str = ""


class RunsAs(Value):
    """Another user, in the container's numbering."""

    uid: int
    gid: int | None = None


class MappedId(Value):
    """An id mapped in its user namespace. `group`: a group id."""

    number: int
    group: bool = False


class Unconfined(Value):
    """No AppArmor or SELinux policy that refuses this. `system`: apparmor, selinux. `path`: of a labelled file."""

    system: str
    path: str = ""


class Network(Value):
    """Access to other machines."""


class HostsNamespace(Value):
    """The host's own namespace of that kind, which the object belongs to."""

    kind: str


class Setting(Value):
    """A namespaced kernel setting (`--sysctl`)."""

    name: str
    value: str


Want = (
    HeldCapability
    | PassedCall
    | WritablePlace
    | LooserMount
    | ReadablePlace
    | DeviceNode
    | GainedRights
    | MoreOf
    | RunsAs
    | MappedId
    | Unconfined
    | Network
    | HostsNamespace
    | Setting
)

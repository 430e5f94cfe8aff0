"""What a refused attempt would have needed, in terms that a toggle can give (`Toggle.allows`). Closed: one type each.

What refuses names a want, what gives knows wants, and neither knows the other: so the smallest of all that would help
can be offered (`usecases/denials/remedies.py`).
"""

from __future__ import annotations

from stratascope.value import Value


class HeldCapability(Value):
    """These capabilities, effective in the process. `uid`: as whom it runs, inside; None: not known."""

    names: tuple[str, ...]
    uid: int | None = None


class PassedCall(Value):
    """A system call that the filter lets through, with these arguments."""

    abi: str
    name: str
    values: tuple[int, ...]


class WritablePlace(Value):
    """A path that can be written to. `mount`: where the mount lies that is read-only; "/" is the root file system."""

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
    """A device of the host. `access`: of r, w, m; `name`: of it in the host's /dev, where that is known, "net/tun"."""

    path: str
    kind: str  # "c" or "b"
    number: str  # "10:200"
    access: str
    name: str = ""

    @property
    def of_host(self) -> str:
        """Where it is to be had on the host; "" where that is not known."""
        return self.path if self.path.startswith("/dev/") else f"/dev/{self.name}" if self.name else ""


class GainedRights(Value):
    """The rights of a set-uid program, or of one with capabilities of its own: no no_new_privs."""

    program: str


class MoreOf(Value):
    """A higher limit: memory, pids, nofile, nproc, fsize, memlock, shm … as in the engines' options. `now`: what it is;
    None: not known. `path`: of a tmpfs.
    """

    what: str
    now: int | None = None
    path: str = ""


class RunsAs(Value):
    """Another user, as the container counts."""

    uid: int
    gid: int | None = None


class MappedId(Value):
    """An id that its user namespace maps. `group`: of groups."""

    number: int
    group: bool = False


class Unconfined(Value):
    """No AppArmor or SELinux profile that refuses this. `system`: apparmor, selinux. `path`: of a labelled file."""

    system: str
    path: str = ""


class Network(Value):
    """A way to other machines."""


class HostsNamespace(Value):
    """The host's own namespace of that kind: what is asked for belongs to it."""

    kind: str


class Setting(Value):
    """A kernel setting of its own namespace (`--sysctl`)."""

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

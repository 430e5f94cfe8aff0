"""What systemd lays over what a service is not to reach hides it; what it makes for a service alone is its own."""

from __future__ import annotations

from stratascope.core.container import AskedMount
from stratascope.layers.namespaces.mounts import MountView, judged
from stratascope.linux.mounts import visible_of
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around

RUN, DISK = "0:24", "254:0"
PRIVATE = "/systemd-private-c93f3f6ff94d4cf9b0f2c49232b1a721-hard.service-vY8by3/tmp"
HOST = ((DISK, "/", "/"), (RUN, "/", "/run"))
# As a service of systemd 257 has them, with ProtectHome=yes, ProtectKernelTunables=yes and PrivateTmp=yes
LINES = (
    f"1 0 {DISK} / / ro,relatime master:1 - ext4 /dev/vda rw",
    f"2 1 {RUN} /systemd/inaccessible/dir /home ro,nosuid,nodev,noexec master:12 - tmpfs tmpfs rw,mode=755",
    "3 1 0:22 / /proc rw,nosuid,nodev,noexec master:8 - proc proc rw",
    f"4 3 {RUN} /systemd/inaccessible/reg /proc/kcore ro,nosuid,nodev,noexec master:12 - tmpfs tmpfs rw,mode=755",
    f"5 1 {RUN} /systemd/propagate/hard.service /run/systemd/incoming ro master:12 - tmpfs tmpfs rw,mode=755",
    f"6 1 {DISK} /tmp{PRIVATE} /tmp rw,relatime master:1 - ext4 /dev/vda rw",
)


def view(*lines: str, wishes: tuple[AskedMount, ...] = (), more: tuple[tuple[str, str, str], ...] = ()) -> MountView:
    surroundings = around(ground=replace(GROUND, mounts=(*HOST, *more)))
    return judged(visible_of("".join(f"{line}\n" for line in lines)), "systemd-hard.service", wishes, surroundings)


def shown(found: MountView) -> list[str]:
    return [path.target for path in found.host_paths]


def test_what_systemd_hides_and_makes_is_no_path_of_the_host() -> None:
    asked = (AskedMount("bind", "", "/tmp", writable=True),)
    found = view(*LINES, wishes=asked)
    assert shown(found) == ["/"]
    assert found.masked == ("/proc/kcore",)


def test_it_is_by_the_machines_own_run_alone() -> None:
    """Whoever names a folder of his own alike hides nothing."""
    assert shown(view(LINES[0], LINES[1].replace(RUN, DISK))) == ["/home", "/"]
    assert shown(view(LINES[0], LINES[5].replace("/tmp rw", "/srv rw"))) == ["/srv", "/"]
    bound = AskedMount("bind", f"/tmp{PRIVATE}", "/tmp", writable=True)
    assert shown(view(LINES[0], LINES[5], wishes=(bound,))) == ["/tmp", "/"]


# As a machine of systemd-nspawn 257 has them
MACHINE = (
    f"1 0 {DISK} /srv/box / rw,relatime shared:122 - ext4 /dev/vda rw",
    "2 1 0:61 / /run rw,nosuid,nodev shared:241 - tmpfs tmpfs rw,mode=755",
    "3 2 0:61 /host /run/host ro,nosuid,nodev,noexec shared:242 - tmpfs tmpfs rw,mode=755",
    "4 3 0:96 / /run/host/unix-export rw,nosuid,nodev,noexec,nosymfollow shared:245 - tmpfs tmpfs rw,mode=755",
    "5 1 0:64 / /proc rw,nosuid,nodev,noexec,relatime shared:247 - proc proc rw",
    "6 5 0:61 /.#proc-kmsg8a8d//deleted /proc/kmsg rw,nosuid,nodev shared:241 - tmpfs tmpfs rw,mode=755",
)
EXPORTS = ("0:96", "/", "/run/systemd/nspawn/unix-export/box")


def test_what_nspawn_makes_for_a_machine_changes_nothing_that_the_host_runs() -> None:
    found = view(*MACHINE, more=(EXPORTS,))
    assert (shown(found), found.system_paths) == ([], ())


def test_only_its_own_folder_of_sockets_and_its_own_file_systems_are() -> None:
    all_of_them = view(*MACHINE, more=((*EXPORTS[:2], "/run/systemd/nspawn/unix-export"),))
    assert all_of_them.system_paths == ("/run/host/unix-export",)
    assert "/proc/kmsg" in shown(view(*MACHINE, more=(EXPORTS, ("0:61", "/", "/mnt"))))  # the host has it, too

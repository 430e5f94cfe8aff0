"""What mounts and namespaces refuse: by the mount that was seen, by the container's own list where none was."""

from __future__ import annotations

from typing import Any

import pytest

from rig.core.refusals.moments import around, call, check, happened, mount, node, place
from rig.recorded import recorded
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import LooserMount, ReadablePlace, Want, WritablePlace
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.layer import LAYER
from stratascope.linux.mounts import parse_mountinfo
from stratascope.value import replace
from unit.layers.surroundings import around as surroundings
from unit.layers.surroundings import container

_MASK = mount("/proc/acpi", "ro,relatime", "tmpfs")
_TMP = "rw,nosuid,nodev,noexec,relatime"


def of(attempt: Attempt, facts: NamespacesFacts | None = None) -> Claim | None:
    found: Claim | None = LAYER.refused(attempt, facts, surroundings())
    return found


def on(path: str, where: str, of_: list[object] | None = None) -> dict[str, Any]:
    return around(place=place(path, of_, on=where))


CASES: list[tuple[Attempt, str, tuple[Want, ...]]] = [
    (
        call("mkdir", 30, said=on("/new", mount(options="ro,relatime", kind="overlay"))),
        "Its root filesystem is read-only, and /new is on it.",
        (WritablePlace("/new", "/"),),
    ),
    (
        call("openat", 30, 0, 0, 1, said=on("/data/x", mount("/data", "ro,relatime"))),
        "/data is mounted read-only, and /data/x is on it.",
        (WritablePlace("/data/x", "/data"),),
    ),
    (
        call("open", 30, 0, 1, said=on("/proc/sys/vm/swappiness", mount("/proc/sys", "ro,relatime", "proc", "/sys"))),
        "The engine mounts /proc/sys read-only, so that containers can't change what is the whole machine's.",
        (WritablePlace("/proc/sys/vm/swappiness", "/proc/sys"),),
    ),
    (
        call("open", 30, 0, 65, said=on("/proc/acpi/x", _MASK)),
        "/proc/acpi/x is masked by the engine with something empty and read-only.",
        (ReadablePlace("/proc/acpi/x"),),
    ),
    (
        call("mkdir", 30, said=on("/cd/x", mount("/cd", "rw,relatime", "iso9660", more="ro"))),
        "The filesystem at /cd is read-only itself, wherever it is mounted.",
        (),
    ),
    (call("mkdir", 30), "What it would have changed is on a read-only mount.", ()),
    (  # of the two paths the other one
        call("rename", 30, said=on("/tmp/x", mount("/tmp"))),
        "What it would have changed is on a read-only mount.",
        (),
    ),
    (
        call("execve", 13, said=on("/t/p", mount("/t", _TMP, "tmpfs"), node(mode=0o755))),
        "/t is mounted noexec, so no program on it can be run: /t/p.",
        (LooserMount("/t/p", "/t", "exec"),),
    ),
    (
        call("mmap", 1, 0, 4096, 5, 2, 3, 0, said=on("/t/l.so", mount("/t", _TMP, "tmpfs"), node())),
        "/t is mounted noexec, so no program on it can be run: /t/l.so.",
        (LooserMount("/t/l.so", "/t", "exec"),),
    ),
    (call("mmap", 1, 0, 4096, 5, 2, 3, 0), "The library that it loads is on a noexec mount.", ()),
    (
        call("open", 13, 0, 2, said=on("/t/n", mount("/t", _TMP, "tmpfs"), node("character", device="1:3"))),
        "/t is mounted nodev, so device nodes on it, such as /t/n, have no effect.",
        (LooserMount("/t/n", "/t", "dev"),),
    ),
    (
        call("unlink", 16, said=on("/etc/hosts", mount("/etc/hosts"), node())),
        "/etc/hosts is a mount of its own, made by the engine: it can be written to, but not replaced or removed.",
        (),
    ),
    (
        call("rename", 16, said=on("/x", mount())),
        "Something is mounted there, and a mount point can't be replaced or removed.",
        (),
    ),
    (
        call("mount", 1, 0, 0, 0, 0x20, said=on("/mnt", mount("/mnt"))),
        "Mounts inherited by a user namespace keep their flags: they can't be made less strict in it.",
        (),
    ),
    (
        happened(AttemptKind.MASKED, "/proc/kcore"),
        "/proc/kcore reads as empty because the engine masks it: it shows or changes what belongs to the host.",
        (ReadablePlace("/proc/kcore"),),
    ),
    (
        happened(AttemptKind.NOT_GAINED, "/t/su", on("/t/su", mount("/t", _TMP, "tmpfs"), node(mode=0o4755))),
        "/t is mounted nosuid, so /t/su started without the privileges that it gives.",
        (LooserMount("/t/su", "/t", "suid"),),
    ),
]


@pytest.mark.parametrize(("attempt", "text", "wants"), CASES, ids=lambda each: each if isinstance(each, str) else "")
def test_what_refused_it(attempt: Attempt, text: str, wants: tuple[Want, ...]) -> None:
    found = of(attempt)
    assert found is not None
    assert (found.layer, translate(found.what), found.wants) == (LAYER.id, text, wants)
    assert found.strength is (Strength.SAID if attempt.kind is AttemptKind.MASKED else Strength.FITS)


OTHERS = [
    call("mkdir", 30, said=on("/new", mount(options="ro")), entered=False),
    call("mkdir", 30, said=around(0, [check("CAP_SYS_ADMIN", "capable")])),
    call("execve", 13, said=on("/t/p", mount("/t", "rw,noexecute"), node(mode=0o755))),
    call("mmap", 1, 0, 4096, 5, 0x22, 3, 0),  # MAP_ANONYMOUS
    call("mmap", 1, 0, 4096, 1, 2, 3, 0, said=on("/t/l.so", mount("/t", _TMP))),  # PROT_READ
    call("open", 13, 0, 2, said=on("/t/n", mount("/t", _TMP, "tmpfs"), node())),
    call("mount", 16, said=on("/mnt", mount("/mnt"))),
    happened(AttemptKind.NOT_GAINED, "/su", on("/su", mount(), node(mode=0o4755))),
    happened(AttemptKind.NOT_GAINED, "/t/su", {**on("/t/su", mount("/t", _TMP), node(mode=0o4755)), "no_new_privs": 1}),
    happened(AttemptKind.OUT_OF_MEMORY),
]


@pytest.mark.parametrize("attempt", OTHERS)
def test_it_was_another(attempt: Attempt) -> None:
    assert of(attempt) is None


def real() -> NamespacesFacts:
    """Of a container of Docker's as it comes."""
    found: NamespacesFacts = LAYER.decode(recorded("lsm/apparmor/docker-default"), container(), surroundings())
    return found


def test_by_the_list_of_mounts_where_none_was_seen() -> None:
    found = of(call("open", 30, 0, 1, path="/proc/sys/kernel/hostname"), real())
    assert found is not None
    assert found.wants == (WritablePlace("/proc/sys/kernel/hostname", "/proc/sys"),)


def test_what_can_t_be_replaced_is_named() -> None:
    found = of(call("rename", 16, path="/etc/sedXX"), real())
    assert found is not None
    assert "/etc/hosts" in translate(found.what)


def test_of_two_paths_the_second_may_be_the_reason() -> None:
    """As `sed -i` does with a file that the engine mounts; or a name on another mount."""
    first = place("/etc/sedXX", on=mount("/", kind="overlay"))
    other = place("/etc/hosts", on=mount("/etc/hosts", "rw,relatime"))
    found = of(call("rename", 16, said=around(place=first, other=other)))
    assert found is not None
    assert translate(found.what).startswith("/etc/hosts is a mount of its own")
    other = place("/data/x", on=mount("/data", "ro,relatime"))
    found = of(call("link", 30, said=around(place=first, other=other)))
    assert found is not None
    assert found.wants == (WritablePlace("/data/x", "/data"),)


def test_without_a_path_no_place_is_named() -> None:
    found = of(call("rename", 16), real())
    assert found is not None
    assert translate(found.what).startswith("Something is mounted there")


def test_without_a_path_the_read_only_root_is_what_helps() -> None:
    """Of a process that ended at once the path is often gone; most of what it may not write to is there."""
    known = real()
    assert known.mounts is not None
    rest = tuple(each for each in known.mounts.seen if each.target != "/")
    seen = (*parse_mountinfo(mount("/", "ro,relatime", "overlay")), *rest)
    closed = replace(known, mounts=replace(known.mounts, listed="", changed=seen))
    found = of(call("openat", 30, 0, 0, 1), closed)
    assert found is not None
    assert found.wants == (WritablePlace("", "/"),)
    assert "Its root filesystem is read-only" in translate(found.what)
    writable = of(call("openat", 30, 0, 0, 1), known)
    assert writable is not None
    assert writable.wants == ()


def test_without_a_path_what_is_read_only_is_named_and_opened_only_if_it_is_the_one() -> None:
    known = real()
    assert known.mounts is not None
    data = parse_mountinfo(mount("/data", "ro,relatime") + mount("/sys/x", "ro,relatime", "tmpfs"))
    seen = (*known.mounts.seen, *data)
    one = of(call("mkdir", 30), replace(known, mounts=replace(known.mounts, listed="", changed=seen)))
    assert one is not None
    assert translate(one.what) == "What it would have changed could not be determined. These are read-only: /data."
    assert one.wants == (WritablePlace("", "/data"),)
    rest = tuple(each for each in known.mounts.seen if each.target != "/")
    root = parse_mountinfo(mount("/", "ro,relatime", "overlay"))
    two = of(call("mkdir", 30), replace(known, mounts=replace(known.mounts, listed="", changed=(*root, *rest, *data))))
    assert two is not None
    assert translate(two.what) == "What it would have changed could not be determined. These are read-only: /, /data."
    assert two.wants == ()


def test_what_could_not_be_looked_at_may_have_been_on_a_mount_with_noexec() -> None:
    attempt = call("execve", 13)
    assert of(attempt, real()) is None
    known = real()
    assert known.mounts is not None
    seen = (*known.mounts.seen, *parse_mountinfo(mount("/t", _TMP, "tmpfs")))
    found = of(attempt, replace(known, mounts=replace(known.mounts, listed="", changed=seen)))
    assert found is not None
    assert not found.certain
    assert "/t" in translate(found.what)


def test_a_new_proc_where_the_present_one_is_masked() -> None:
    attempt = call("mount", 1, 0, 0, 0, 0, path="/newroot/proc")
    found = of(attempt, real())
    assert found is not None
    assert found.wants == (ReadablePlace("/proc"),)
    assert of(attempt) is None
    assert of(call("mount", 1, 0, 0, 0, 0, path="/mnt"), real()) is None


def test_what_lies_on_a_noexec_mount_is_not_made_executable_later() -> None:
    found = of(call("mprotect", 13, 0x7000, 4096, 5), real())
    assert found is not None
    assert not found.certain
    assert of(call("mprotect", 13, 0x7000, 4096, 3), real()) is None
    lacking = around(0, [check("CAP_SYS_ADMIN", "ns_capable")])
    assert of(call("mprotect", 13, 0x7000, 4096, 5, said=lacking), real()) is None


def test_sockets_of_the_first_network_alone() -> None:
    found = of(call("socket", 97, 31, 3, 1), real())
    assert found is not None
    assert (found.certain, found.wants) == (False, ())  # this kernel may have none at all
    assert of(call("socket", 97, 40, 1, 0), real()) is None

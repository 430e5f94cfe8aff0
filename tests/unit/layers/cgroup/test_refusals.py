"""What limits refuse: device rules, processes, memory, files, sizes; the limit itself before who is exempt from it."""

from __future__ import annotations

from typing import Any

import pytest

from rig.core.refusals.moments import around, call, check, happened, mount, node, place
from rig.recorded import HYBRID
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import DeviceNode, HeldCapability, MoreOf, Want
from stratascope.i18n.translate import translate
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.cgroup.layer import LAYER
from stratascope.value import replace
from unit.layers.surroundings import around as surroundings
from unit.layers.surroundings import capture, container

_TUN = node("character", 0o666, device="10:200")
_ADMIN = check("CAP_SYS_ADMIN", "capable", "copy_process")
_RESOURCE = check("CAP_SYS_RESOURCE", "capable", "copy_process")
_LOCK = check("CAP_IPC_LOCK", "capable", "do_mlock")


def facts(**changed: Any) -> CgroupFacts:
    found: CgroupFacts = LAYER.decode(capture(HYBRID), container(), surroundings())
    return replace(found, **changed)


def of(attempt: Attempt, known: CgroupFacts | None = None) -> Claim | None:
    found: Claim | None = LAYER.refused(attempt, known, surroundings())
    return found


def limited(**limits: int) -> dict[str, Any]:
    return around(limits=limits)


def full(where: str, more: str) -> dict[str, Any]:
    return around(place=place(f"{where}/x", on=mount(where, kind="tmpfs", more=more)))


CASES: list[tuple[Attempt, str, tuple[Want, ...], Strength]] = [
    (
        call("openat", 1, 0, 0, 2, said=around(place=place("/dev/net/tun", _TUN))),
        "The device rules of its cgroup do not allow opening /dev/net/tun (c 10:200, rw).",
        (DeviceNode("/dev/net/tun", "c", "10:200", "rw"),),
        Strength.FITS,
    ),
    (
        call("open", 1, 0, 0, said=around(place=place("/dev/sda", node("block", device="8:0")))),
        "The device rules of its cgroup do not allow opening /dev/sda (b 8:0, r).",
        (DeviceNode("/dev/sda", "b", "8:0", "r"),),
        Strength.FITS,
    ),
    (  # minor numbers from 256 on lie in two parts (259:300)
        call("mknodat", 1, 0, 0, 0o060600, 0x11032C, path="/n"),
        "The device rules of its cgroup do not allow creating the node /n (b 259:300).",
        (DeviceNode("/n", "b", "259:300", "m"),),
        Strength.FITS,
    ),
    (
        call("clone", 11, 0x11, said=around(999, [_RESOURCE, _ADMIN], limits={"nproc": 20})),
        "Its user has reached the limit of processes, counted over all containers (ulimit nproc): 20.",
        (MoreOf("nproc", 20),),
        Strength.SAID,
    ),
    (
        call("clone3", 11, said=around(forked_in_vain=3)),
        "Its cgroup has reached its limit of processes and threads (pids.max).",
        (MoreOf("pids"),),
        Strength.FITS,
    ),
    (
        call("openat", 24, said=limited(nofile=64)),
        "It has reached the open file limit of a process (ulimit nofile): 64.",
        (MoreOf("nofile", 64),),
        Strength.FITS,
    ),
    (
        call("mq_open", 24, said=around(5, [_RESOURCE])),
        "Its user's message queues have reached their memory limit (ulimit msgqueue).",
        (MoreOf("msgqueue"),),
        Strength.SAID,
    ),
    (
        call("write", 27, said=limited(fsize=1 << 20)),
        "A file would have exceeded the file size limit of 1 MiB (ulimit fsize).",
        (MoreOf("fsize", 1 << 20),),
        Strength.FITS,
    ),
    (
        call("mlock", 12, said=around(5, [_LOCK], limits={"memlock": 4096})),
        "It can lock at most 4 KiB of memory (ulimit memlock).",
        (MoreOf("memlock", 4096), HeldCapability(("CAP_IPC_LOCK",), 5)),
        Strength.SAID,
    ),
    (
        call("mmap", 12, said=limited(**{"as": 1 << 30})),
        "A process can map at most 1 GiB of memory (ulimit as).",
        (MoreOf("as", 1 << 30),),
        Strength.FITS,
    ),
    (
        call("openat", 28, said=full("/dev/shm", "rw,size=65536k,inode64")),
        "The tmpfs at /dev/shm is full: its size is 64 MiB.",
        (MoreOf("shm", 64 << 20, "/dev/shm"),),
        Strength.FITS,
    ),
    (
        call("write", 28, said=full("/run", "rw")),
        "The tmpfs at /run is full.",
        (MoreOf("tmpfs", None, "/run"),),
        Strength.FITS,
    ),
    (  # what it writes to could not be looked at, and yet the kernel says that it is a tmpfs
        call("write", 28, said=around(0, [check("CAP_SYS_ADMIN", "shmem_inode_acct_blocks", "shmem_get_folio_gfp")])),
        "The tmpfs that it writes to is full, /dev/shm or another one.",
        (MoreOf("shm"),),
        Strength.FITS,
    ),
    (
        call("sched_setscheduler", 1, 0, 1),
        "Its cgroup has no budget for real-time processes (cpu.rt_runtime_us).",
        (),
        Strength.FITS,
    ),
    (
        happened(AttemptKind.TOO_LARGE),
        "A file would have exceeded the file size limit of its processes (ulimit fsize).",
        (MoreOf("fsize"),),
        Strength.SAID,
    ),
    (
        happened(AttemptKind.OUT_OF_MEMORY),
        "Its cgroup had used up its memory limit (memory.max), so the kernel killed it.",
        (MoreOf("memory"),),
        Strength.FITS,
    ),
]


@pytest.mark.parametrize(("attempt", "text", "wants", "strength"), CASES, ids=lambda e: e if isinstance(e, str) else "")
def test_what_refused_it(attempt: Attempt, text: str, wants: tuple[Want, ...], strength: Strength) -> None:
    found = of(attempt)
    assert found is not None
    assert (found.layer, translate(found.what), found.wants, found.strength) == (LAYER.id, text, wants, strength)


OTHERS = [
    call("openat", 13, 0, 0, 2, said=around(place=place("/dev/net/tun", _TUN))),  # owner and mode, or a module
    call("openat", 1, 0, 0, 2, said=around(5, [check("CAP_SYS_RAWIO", "capable")], place=place("/dev/mem", _TUN))),
    call("openat", 1, 0, 0, 2, said=around(place=place("/x", node()))),
    call("mknod", 1, 0, 0o010600, 0),  # a fifo
    call("clone", 11),
    call("inotify_init1", 24),
    call("write", 27, said=limited(nofile=64)),  # no limit: the file system's own
    call("mmap", 12),
    call("mmap", 1, 0, 4096, 5),
    call("openat", 28, said=around(place=place("/data/x", on=mount("/data")))),
    call("openat", 24, entered=False),
    call("sched_setaffinity", 22),
]


@pytest.mark.parametrize("attempt", OTHERS)
def test_it_was_another(attempt: Attempt) -> None:
    assert of(attempt) is None


def test_what_could_not_be_looked_at_may_have_been_a_device() -> None:
    found = of(call("open", 1, 0, 2))
    assert found is not None
    assert not found.certain
    assert of(call("open", 1, 0, 2, said=around() | {"checks": None})) is None


def test_rules_that_are_known_speak_for_themselves() -> None:
    """Where version 1 shows them: what a rule allows was refused by another."""
    attempt = call("openat", 1, 0, 0, 2, said=around(place=place("/dev/net/tun", _TUN)))
    assert of(attempt, facts(devices=("c 10:200 rwm",))) is None
    assert of(attempt, facts(devices=("c 10:200 r",))) is not None


def test_the_limit_of_processes_that_was_read() -> None:
    known = facts()
    assert (known.pids_max, known.pids_room) == (50, 30)
    attempt = call("clone", 11, said=around(forked_in_vain=0))
    assert of(attempt, known) is None  # there was room, and the kernel counted none that was refused
    assert of(call("clone", 11), known) is not None
    found = of(attempt, replace(known, pids_room=0))
    assert found is not None
    assert found.wants == (MoreOf("pids", 50),)


def test_out_of_memory_of_the_machine_is_not_its_own() -> None:
    killed = happened(AttemptKind.OUT_OF_MEMORY)
    found = of(killed, facts())
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, (MoreOf("memory", 64 << 20),))
    assert of(killed, facts(memory_max=None)) is None
    assert of(killed, facts(memory_max=None, unknown=("memory_max",))) is not None


def test_processors() -> None:
    found = of(call("sched_setaffinity", 22), facts(cpuset="0-1"))
    assert found is not None
    assert "0-1" in translate(found.what)


def test_unlimited_is_no_limit() -> None:
    found = of(call("openat", 24, said=limited(nofile=(1 << 64) - 1)))
    assert found is not None
    assert found.wants == (MoreOf("nofile"),)


def test_a_tmpfs_with_room_and_no_numbers_for_files() -> None:
    """More room would not help."""
    there = place("/t/new", None, on=mount("/t", kind="tmpfs", more="rw,size=65536k,nr_inodes=8"))
    for attempt in (
        call("mkdir", 28, 0, 0o755, said=around(place=there)),
        call("open", 28, 0, 0x41, said=around(place=there)),
    ):
        found = of(attempt)
        assert found is not None
        assert ("nr_inodes" in translate(found.what), found.wants) == (True, ())

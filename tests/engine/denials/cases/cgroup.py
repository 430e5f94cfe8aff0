"""Refused by device rules and limits: of the control group, of the process, of a file system of memory."""

from __future__ import annotations

from typing import Any

from engine.denials.case import DOCKER, SIGKILL, SIGXFSZ, Case, added, user

_MKNOD = added("MKNOD")


def _limit(name: str, attempt: str, status: int, options: tuple[str, ...], control: tuple[str, ...] = (),
           **more: Any) -> Case:  # fmt: skip
    return Case(f"limit-{name}", ("cgroup",), attempt, status, options, control, **more)


def _device(name: str, kind: str, mode: str, number: int, flags: int, **more: Any) -> Case:
    """The node is made anew in memory, so that it is none of the files that a relaunch would lose."""
    made = (*_MKNOD, "--tmpfs", "/t:dev")
    rule = ("--device-cgroup-rule", f"{kind} {number >> 8}:{number & 255} rwm", *made)
    attempt = f"call mknod /t/n {mode} {number} + call open /t/n {flags}"
    return Case(f"device-{name}", ("cgroup",), attempt, 1, made, rule, **more)


CASES = (
    _device("fuse", "c", "020666", 10 << 8 | 229, 2),
    _device("loop-control", "c", "020666", 10 << 8 | 237, 2, passes=(0, 6, 19)),
    _device("disk", "b", "060666", 7 << 8, 0, passes=(0, 6)),
    _limit("pids", "forks 30", 11, ("--pids-limit", "24"), ("--pids-limit", "4000"), calls=("clone", "fork", "clone3")),
    _limit("processes", "forks 30", 11, (*user(2345), "--ulimit", "nproc=16:16"),
           (*user(2345), "--ulimit", "nproc=4000:4000", "--pids-limit", "4000"), calls=("clone", "fork", "clone3")),
    _limit("memory", "eat 60", SIGKILL, ("--memory", "48m", "--memory-swap", "48m"), calls=("",)),
    _limit("files", "files 100", 24, ("--ulimit", "nofile=64:64"), ("--ulimit", "nofile=1024:1024"),
           calls=("openat", "open")),
    _limit("file-size", "fill /tmp/f 2", SIGXFSZ, ("--ulimit", "fsize=1048576:1048576"), calls=("write", "")),
    _limit("shared-memory", "fill /dev/shm/f 2", 28, ("--shm-size", "1m"), ("--shm-size", "512m"), calls=("write",)),
    _limit("memory-folder", "fill /t/f 2", 28, ("--tmpfs", "/t:size=1m"), ("--tmpfs", "/t:size=8m"), calls=("write",)),
    _limit("memory-numbers", "call mkdir /t/a 0700 + call mkdir /t/b 0700 + call mkdir /t/c 0700", 28,
           ("--tmpfs", "/t:nr_inodes=3"), ("--tmpfs", "/t"), engines=(DOCKER,), remedied=False),
    _limit("locked-memory", "call mmap 0 65536 3 0x22 -1 0 + call mlock % 65536", 12, ("--ulimit", "memlock=4096:4096"),
           ("--ulimit", "memlock=1048576:1048576")),
    _limit("locked-memory-none", "call mmap 0 65536 3 0x22 -1 0 + call mlock % 65536", 1, ("--ulimit", "memlock=0:0"),
           ("--ulimit", "memlock=1048576:1048576")),
    _limit("message-queues", "call mq_open :queue 0x42 0600 0", 24, ("--ulimit", "msgqueue=16:16"),
           ("--ulimit", "msgqueue=819200:819200")),
    _limit("processors", "call sched_setaffinity 0 8 @hex:0200000000000000", 22, ("--cpuset-cpus", "0")),
)  # fmt: skip

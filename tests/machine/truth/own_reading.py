"""What the kernel says of a process, read by the tests themselves: no line of the program is used here.

Every function asks in another way than the program does where there is one: stat(2) instead of readlink(2) for
namespaces, statvfs(2) and device numbers through /proc/PID/root instead of the list of mounts.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_WORDS = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
NAMES = tuple(_WORDS.split())
SYS_MASKS = ("firmware", "kernel", "fs/selinux", "dev/block", "devices/virtual/powercap")
CGROUPS = Path("/sys/fs/cgroup")
V1_NO_LIMIT = 1 << 62
IO_LIMITS = ("rbps", "wbps", "riops", "wiops")  # as in io.max


def status(pid: int) -> dict[str, str]:
    """/proc/PID/status as words by key."""
    text = Path(f"/proc/{pid}/status").read_bytes().decode(errors="replace")
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.split("\n")) if key}


def namespaces(pid: int) -> dict[str, int]:
    return {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in KINDS}  # noqa: PTH116


def host_namespaces() -> dict[str, int]:
    """Of the host's first process; of its first kernel thread where even root may not look at that one."""
    try:
        return namespaces(1)
    except OSError:
        return namespaces(2)


def capabilities(pid: int) -> dict[str, str]:
    fields = {"inheritable": "Inh", "permitted": "Prm", "effective": "Eff", "bounding": "Bnd", "ambient": "Amb"}
    found = status(pid)
    return {name: "0x" + found[f"Cap{short}"] for name, short in fields.items()}


def effective_names(pid: int) -> list[str]:
    mask = int(status(pid)["CapEff"], 16)
    return [f"CAP_{name}" for number, name in enumerate(NAMES) if mask >> number & 1]


def read_only(pid: int, path: str) -> bool:
    """Whether what is mounted there inside can't be written."""
    return bool(os.statvfs(f"/proc/{pid}/root{path}").f_flag & os.ST_RDONLY)


def is_masked(pid: int, path: str, device: int) -> bool:
    """Whether something that is not of this file system (`device`), and empty, stands at this path inside."""
    full = Path(f"/proc/{pid}/root{path}")
    try:
        found = full.stat()
    except OSError:
        return False
    if stat.S_ISCHR(found.st_mode):
        return found.st_rdev == os.makedev(1, 3)
    return found.st_dev != device and stat.S_ISDIR(found.st_mode) and not any(full.iterdir())


def masked_and_read_only(pid: int) -> tuple[set[str], set[str]]:
    """What of /proc and /sys is covered, and what of /proc can't be written though /proc itself can."""
    masked, guarded = set(), set()
    proc = Path(f"/proc/{pid}/root/proc")
    device = proc.stat().st_dev
    for entry in proc.iterdir():
        path = f"/proc/{entry.name}"
        if entry.name.isdigit() or entry.is_symlink():
            continue
        if is_masked(pid, path, device):
            masked.add(path)
        elif entry.stat().st_dev == device and read_only(pid, path):
            guarded.add(path)
    if read_only(pid, "/proc"):
        guarded.clear()
    system = Path(f"/proc/{pid}/root/sys")
    throttles = system.glob("devices/system/cpu/cpu*/thermal_throttle")
    for name in (*SYS_MASKS, *(str(path.relative_to(system)) for path in throttles)):
        if is_masked(pid, f"/sys/{name}", system.stat().st_dev):
            masked.add(f"/sys/{name}")
    return masked, guarded


def id_map(pid: int, kind: str) -> list[list[int]]:
    return [[int(word) for word in line.split()] for line in Path(f"/proc/{pid}/{kind}_map").read_text().splitlines()]


def on_host(ranges: list[list[int]], number: int) -> int | None:
    return next((out + number - first for first, out, length in ranges if first <= number < first + length), None)


def memberships(pid: int) -> list[tuple[str, str, str]]:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return [(a, b, c) for a, b, c in (line.split(":", 2) for line in lines)]


def cgroup(pid: int) -> dict[str, Any]:
    """Version, path, and the smallest limits from the process's own group up to the root; of disks every limit."""
    lines = memberships(pid)
    old = {name: path for _, names, path in lines for name in names.split(",") if name and "=" not in name}
    unified = next((path for number, names, path in lines if number == "0" and not names), None)
    version = "v2" if not old else "v1" if unified is None else "hybrid"
    if version == "v2":
        path = unified or "/"
        memory = [_limit(text) for text in _levels(CGROUPS, path, "memory.max")]
        pids = [_limit(text) for text in _levels(CGROUPS, path, "pids.max")]
        pairs = [text.split() for text in _levels(CGROUPS, path, "cpu.max")]
        cores = [int(quota) / int(period) for quota, period in pairs if quota != "max"]
        lines_of_disks = [line.split() for text in _levels(CGROUPS, path, "io.max") for line in text.splitlines()]
        io = [
            (disk, *word.split("=")) for disk, *words in lines_of_disks for word in words if not word.endswith("=max")
        ]
    else:
        path = old["memory"]
        memory = [_limit(text) for text in _levels(CGROUPS / "memory", path, "memory.limit_in_bytes")]
        pids = [_limit(text) for text in _levels(CGROUPS / "pids", old["pids"], "pids.max")]
        quotas = _levels(CGROUPS / "cpu", old["cpu"], "cpu.cfs_quota_us")
        periods = _levels(CGROUPS / "cpu", old["cpu"], "cpu.cfs_period_us")
        cores = [int(q) / int(p) for q, p in zip(quotas, periods, strict=True) if int(q) > 0]
        io = []
        for short, name in zip(IO_LIMITS, ("read_bps", "write_bps", "read_iops", "write_iops"), strict=True):
            for text in _levels(CGROUPS / "blkio", old.get("blkio", "/"), f"blkio.throttle.{name}_device"):
                io += [(disk, short, value) for disk, value in map(str.split, text.splitlines())]
    return {
        "version": version,
        "path": path,
        "memory_max": min((value for value in memory if value is not None), default=None),
        "pids_max": min((value for value in pids if value is not None), default=None),
        "cpu_cores": min(cores, default=None),
        "io": sorted((disk, short, int(value)) for disk, short, value in io),
    }


def _levels(top: Path, path: str, name: str) -> list[str]:
    found, here = [], top / path.lstrip("/")
    while True:
        if (here / name).exists():
            found.append((here / name).read_text().strip())
        if here == top:
            return found
        here = here.parent


def _limit(text: str) -> int | None:
    return None if text == "max" or int(text) >= V1_NO_LIMIT else int(text)

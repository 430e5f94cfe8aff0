"""CONFINED: every process of the machine that is confined, its ancestors with what else these run, what agents run
that may confine nothing of it now, and what tells who confined it.

A process counts as confined if it is in another namespace than the machine's first one, in another root directory,
under more seccomp filters, under no_new_privs or a smaller bounding set where that one isn't, or Landlocked. One that
is confined exactly as this reader or an ancestor of it does not count: then the reader's session is in that too, which
is no sandbox on this machine to it. Where the first process may not be read, the reader's topmost ancestor stands for
it.

Nothing here waits: no file of a process is opened that its owner can make slow, but by a child with a time limit
(`own_words`). The text is described where it is decoded (`linux/confined`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.bpf.permission import permitted
from stratascope.collector.maker_files import files_of
from stratascope.collector.names import CONFINED
from stratascope.collector.own_words import Question, ask
from stratascope.collector.read import Entry, TooLongError, failure, open_process, read_file

PROCESSES_MAX = 32768
LISTED_MAX = 4096
BESIDE_MAX = 16  # of one process
LONE_MAX = 64
# Executables of agents, and of what runs their scripts: `core/sandboxes/makers` says which is one
AGENTS = (
    *("codex", "codex-linux-sandbox", "claude", "opencode", "cursor-agent", "cursorsandbox", "goose", "goosed"),
    *("node", "nodejs", "bun", "deno", "python", "python3", *("python3.%d" % minor for minor in range(9, 20))),
)
SECONDS = 4.0  # of CPU time, for processes; then the list is cut
BYTES_MAX = 6 << 20
CUT = "...\n"  # the last line if there may be more

_KINDS = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time")
_LINKS = tuple((kind, "ns/" + kind, len(kind) + 2) for kind in _KINDS)
_LINES = {
    "Name": "comm",
    "State": "state",
    "PPid": "parent",
    "Uid": "uid",
    "NSpid": "depth",
    "CapBnd": "bounding",
    "NoNewPrivs": "nnp",
    "Seccomp": "seccomp",
    "Seccomp_filters": "filters",
    "Kthread": "kernel",
}
_PATHS_MAX, _PATH_MAX = 8, 4096
_CONTAINER = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])").search  # an engine tells what that is
_POINTERS = 1 << 63  # what stands for a domain's id where the kernel has none: bpf/reading


class _Facts(NamedTuple):
    """What the kernel says of one process; "" and empty: not told."""

    status: Dict[str, str]
    namespaces: Dict[str, int]
    root: str

    def number(self, name: str) -> Optional[int]:
        word = self.status.get(name, "")
        return int(word) if word.isdigit() else None

    def bounding(self) -> Optional[int]:
        word = self.status.get("bounding")
        return None if word is None else int(word, 16)

    def alike(self) -> Tuple[Any, ...]:
        """Equal for processes that are confined alike."""
        said = tuple(self.status.get(name) for name in ("bounding", "nnp", "seccomp", "filters"))
        return (*said, len(self.status.get("depth", "").split()), self.root, *sorted(self.namespaces.items()))

    def told(self) -> Dict[str, Any]:
        """As in the text."""
        found: Dict[str, Any] = {"ns": self.namespaces, "depth": len(self.status.get("depth", "").split()) or 1}
        if self.root:
            found["root"] = self.root
        if "nnp" in self.status:
            found["nnp"] = self.status["nnp"] != "0"
        for name in ("seccomp", "filters"):
            number = self.number(name)
            if number is not None:
                found[name] = number
        if "bounding" in self.status:
            found["bounding"] = self.status["bounding"]
        return found


def read_confined() -> Entry:
    """The reading. Never raises."""
    try:
        pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    except OSError as error:
        return failure(CONFINED, "/proc", error)
    return (CONFINED, "/proc", _Machine(pids).text())


class _Machine:
    """One look at it."""

    def __init__(self, pids: List[int]) -> None:
        self._until = time.thread_time() + SECONDS
        self._begun = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._cut = len(pids) > PROCESSES_MAX
        self._all: Dict[int, _Facts] = {}
        for pid in pids[:PROCESSES_MAX]:
            if time.thread_time() > self._until:
                self._cut = True
                break
            found = _facts(pid)
            if found is not None:
                self._all[pid] = found
        self._reader = os.getpid()
        own = [self._all[pid] for pid in (self._reader, *self._above(self._reader)) if pid in self._all]
        readable = [each for each in own if each.namespaces]
        first = self._all.get(1) or (own[-1] if own else _Facts({}, {}, ""))
        if not first.namespaces and readable:
            first = first._replace(namespaces=readable[-1].namespaces, root=readable[-1].root)
        self._host = first
        self._baseline = {each.alike() for each in (first, *own)}
        self._domains = _domains()

    def _above(self, pid: int) -> Iterable[int]:
        """Its ancestors, nearest first."""
        seen = {pid}
        while pid in self._all:
            pid = self._all[pid].number("parent") or 0
            if pid not in self._all or pid in seen:
                return
            seen.add(pid)
            yield pid

    def _confined(self, pid: int, found: _Facts) -> bool:
        if self._domains.get(pid, 0) and self._domains[pid] != self._domains.get(self._reader, 0):
            return True
        if found.alike() in self._baseline:
            return False
        host = self._host
        if any(host.namespaces.get(kind, inode) != inode for kind, inode in found.namespaces.items()):
            return True
        if (found.root and host.root and found.root != host.root) or found.status.get("nnp", "0") > host.status.get(
            "nnp", "0"
        ):
            return True
        depths = [len(each.status.get("depth", "").split()) for each in (found, host)]
        if depths[0] > depths[1]:
            return True
        for name in ("seccomp", "filters"):
            if (found.number(name) or 0) > (host.number(name) or 0):
                return True
        held, all_of_it = found.bounding(), host.bounding()
        return held is not None and all_of_it is not None and bool(all_of_it & ~held)

    def text(self) -> str:
        """The lines."""
        confined = [pid for pid, found in self._all.items() if pid != self._reader and self._confined(pid, found)]
        above = {each for pid in confined for each in self._above(pid)}
        listed = sorted(above.union(confined, self._beside(confined, above), self._lone(above.union(confined))))
        self._cut = self._cut or len(listed) > LISTED_MAX
        items: Dict[int, Dict[str, Any]] = {}
        for pid in listed[:LISTED_MAX]:
            item = self._item(pid)
            if item is not None:
                items[pid] = item
        for pid in confined:
            if pid in items:
                items[pid]["confined"] = True
        self._ask(items, set(confined))
        for item in items.values():
            found = files_of(item.get("exe", "").rpartition("/")[2], item.get("argv") or [])
            if found:
                item["files"] = {**item.get("files", {}), **found}
        lines = [json.dumps({"host": self._host.told(), "self": self._reader}) + "\n"]
        size = 0
        for item in items.values():
            line = json.dumps(item) + "\n"
            size += len(line)
            if size > BYTES_MAX:
                self._cut = True
                break
            lines.append(line)
        return "".join(lines) + (CUT if self._cut else "")

    def _beside(self, confined: List[int], above: Set[int]) -> List[int]:
        """What else those run that made them, outside: they show what is not confined. None of who has many."""
        makers = above.difference(confined)
        children: Dict[int, List[int]] = {}
        for pid, found in self._all.items():
            parent = found.number("parent") or 0
            if parent in makers and parent > 1 and pid not in above and pid not in confined and pid != self._reader:
                children.setdefault(parent, []).append(pid)
        return [pid for pids in children.values() if len(pids) <= BESIDE_MAX for pid in pids]

    def _lone(self, others: Set[int]) -> List[int]:
        """What may be an agent that makes sandboxes and has none now, and what it runs."""
        children: Dict[int, List[int]] = {}
        for pid, found in self._all.items():
            parent = found.number("parent") or 0
            if parent > 1 and parent not in others and parent in self._all and self._reader not in (pid, parent):
                children.setdefault(parent, []).append(pid)
        told: List[int] = []
        for parent, pids in list(children.items()):
            with contextlib.suppress(OSError):
                if len(told) >= LONE_MAX:
                    break
                if os.readlink("/proc/%d/exe" % parent).rpartition("/")[2] in AGENTS and len(pids) <= BESIDE_MAX:
                    told += [parent, *pids]
        return told

    def _item(self, pid: int) -> Optional[Dict[str, Any]]:
        """All of a process but its own words; None if it has ended."""
        found = self._all[pid]
        try:
            directory = open_process(pid)
        except OSError:
            return None
        try:
            stat = read_file("stat", directory)
            started = int(stat[stat.rfind(")") + 1 :].split()[19])
            if started > self._begun * os.sysconf("SC_CLK_TCK"):
                return None  # another process has the number now
            item: Dict[str, Any] = {
                "pid": pid,
                "ppid": found.number("parent") or 0,
                "start": started,
                **found.told(),
                "comm": found.status.get("comm", ""),
                "cgroups": _cgroups(directory),
            }
        except (OSError, TooLongError, ValueError, IndexError):
            return None
        else:
            uid = found.status.get("uid", "").split()[:1]
            if uid and uid[0].isdigit():
                item["uid"] = int(uid[0])
            with contextlib.suppress(OSError):
                item["exe"] = os.readlink("exe", dir_fd=directory)[:_PATH_MAX]
            if self._domains:
                item["domain"] = "%x" % self._domains.get(pid, 0)
            return item
        finally:
            os.close(directory)

    def _ask(self, items: Dict[int, Dict[str, Any]], confined: Set[int]) -> None:
        """Add to each what it says of itself: first what costs little."""
        arguments = [
            Question(pid, item["start"], arguments=True, environment=pid in confined) for pid, item in items.items()
        ]
        parents = {item["ppid"] for item in items.values()}
        seen: Set[Any] = set()
        rest = []
        for pid, item in items.items():
            inside, root = item["ns"].get("mnt"), item.get("root", "/")
            elsewhere = inside is not None and inside != self._host.namespaces.get("mnt")
            if pid not in confined or not (elsewhere or root != "/") or _CONTAINER("\n".join(item["cgroups"])):
                continue
            files = (inside, root) not in seen
            exe = item.get("exe", "") if elsewhere and pid in parents else ""
            if files or exe:
                seen.add((inside, root))
                rest.append(Question(pid, item["start"], files=files, exe=exe, inside=(inside, root)))
        for questions in (arguments, rest):
            for pid, answer in ask(questions):
                items[pid].update(answer)


def _facts(pid: int) -> Optional[_Facts]:
    """Of one process; None if it has ended, or is of the kernel."""
    try:
        directory = open_process(pid)
    except OSError:
        return None
    try:
        status = {}
        for line in read_file("status", directory).split("\n"):
            name, _, rest = line.partition(":\t")
            if name in _LINES:
                status[_LINES[name]] = rest
        if status.get("kernel", "0") != "0" or status.get("state", "Z")[:1] in "ZX":
            return None
        if "kernel" not in status and "2" in (status.get("parent"), str(pid)) and not _has_files(directory):
            return None  # before Linux 6.8
        namespaces: Dict[str, int] = {}
        for kind, path, start in _LINKS:
            try:
                namespaces[kind] = int(os.readlink(path, dir_fd=directory)[start:-1])
            except (OSError, ValueError):
                if not namespaces:
                    break  # one rule for all of them: proc_ns_readlink, fs/proc/namespaces.c
        root = ""
        if namespaces:
            with contextlib.suppress(OSError):
                root = os.readlink("root", dir_fd=directory)[:_PATH_MAX]
        return _Facts(status, namespaces, root)
    except (OSError, TooLongError):
        return None
    finally:
        os.close(directory)


def _has_files(directory: int) -> bool:
    """Whether it has memory of its own, as all processes have but the kernel's."""
    try:
        os.readlink("exe", dir_fd=directory)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _cgroups(directory: int) -> List[str]:
    try:
        lines = read_file("cgroup", directory).split("\n")
    except (OSError, TooLongError):
        return []
    paths = (line.split(":", 2)[2][:_PATH_MAX] for line in lines if line.count(":") > 1)
    return [path for path in dict.fromkeys(paths) if path != "/"][:_PATHS_MAX]


def _domains() -> Dict[int, int]:
    """The Landlock domain of each process that has one; empty if that may not be read, or none has."""
    if not permitted():
        return {}
    from stratascope.collector.bpf.reading import READER, NotReadError

    try:
        look = READER.look()
    except NotReadError:
        return {}
    found: Dict[int, int] = {}
    known: Dict[int, int] = {}
    for thread in look.restricted():
        domain = thread.domain
        if domain & _POINTERS or not domain:  # only equality means something
            domain = known.setdefault(domain, len(known) + 1)
        found.setdefault(thread.tgid, domain)
    return found

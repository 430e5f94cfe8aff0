"""The program that runs as root, as the privileged helper (`probe/helper/` installs and starts it).

The collector has two interfaces: direct calls in the same process, or one JSON request and one JSON reply per line.

Requests are objects: {"ask": "hello"}, {"ask": "host", "names": [...]} and {"ask": "capture", "wishes": [[pid, wants,
member_wants, members, container's id], ...]}, there perhaps with "others": lists of further processes by the PIDs of
wishes. {"ask": "observe", ...} comes last: the lines after it have another form (`observe`) until the requests end. The
reply to hello has `protocol`, and in `barred` why the collector can't read what only root can ("" if it can); any other
has `host` (entries) or `found`. An invalid request gets `refused` with a reason, and the next one is served. Replies
are ASCII, so lone surrogates (bytes that are not UTF-8) survive.
"""

from __future__ import annotations

import json
import os
import sys
from errno import EPERM
from typing import Any, BinaryIO, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from stratascope.collector.bound_files import BoundFiles, read_root
from stratascope.collector.bpf.permission import NAMES, WHY_NOT, not_read, permitted
from stratascope.collector.cgroups import OBSERVED, Limits, Mounts
from stratascope.collector.chroot import files_of, mended
from stratascope.collector.descriptors import Outside
from stratascope.collector.filters import why_not
from stratascope.collector.host import read_host
from stratascope.collector.host_processes import Targets, sees_host
from stratascope.collector.liveness import LIVENESS, read_liveness
from stratascope.collector.members import (
    BY_CALLER,
    BY_NAMESPACE,
    MEMBERS_MAX,
    Further,
    Members,
    Process,
    named,
    names_of,
    of_thread,
    representative,
    text_of,
)
from stratascope.collector.names import (
    BOUND,
    CGROUPS,
    DESCRIPTORS,
    GIVING_PROGRAMS,
    HOST_PROGRAMS,
    IDMAPS,
    LEFT,
    PARENT,
    ROOT,
)
from stratascope.collector.privileged_readings import (
    BY_CHILD,
    OF_FILES,
    PRIVILEGED,
    PrivilegedReader,
    owners,
    read_idmaps,
    run,
    threads_of,
)
from stratascope.collector.read import (
    DENIED,
    GONE,
    PID_MAX,
    UNSUPPORTED,
    Entry,
    TooLongError,
    ended,
    failed,
    failure,
    open_failure,
    open_process,
    parent_folder,
    read_file,
    read_process,
    start_of,
)
from stratascope.collector.threads import LABEL, Leader, Threads, open_thread

PROTOCOL = 5
LINE_MAX = 8 << 20  # bytes per request
WISHES_MAX = 10000
NAMES_MAX = 256
_SPECIAL = PRIVILEGED | LIVENESS | NAMES | {PARENT, HOST_PROGRAMS, BOUND, ROOT, DESCRIPTORS}

# the process; its container's other processes, and threads that differ from their process's first one; how these were
# found; and at least how many more there are
ContainerReply = Tuple[Process, List[Process], str, int]
Wish = Tuple[int, Sequence[str], Sequence[str], bool, str]


class RefusedError(Exception):
    """A request that does not follow the protocol."""


class Collector:
    """Reads for one caller at a time; remembers between requests where cgroups are mounted, and `Threads`."""

    def __init__(self) -> None:
        self._mounts = Mounts()
        self._threads = Threads()
        self._targets: Optional[Targets] = None  # of the current request
        self._bound = BoundFiles()
        self._outside = Outside()

    def host(self, names: Iterable[str]) -> List[Entry]:
        """The host's facts of these names."""
        return read_host(names)

    def capture(
        self, wishes: Iterable[Wish], further: Optional[Mapping[int, Sequence[int]]] = None
    ) -> List[ContainerReply]:
        """One answer per wish, in order. `further`: by PID of a wish, its further processes, which else are sought."""
        limits, members = Limits(self._mounts), Members(self._mounts)
        errands: List[PrivilegedReader] = []
        self._targets, self._outside = None, Outside()
        self._bound.begin()
        answers, asked = [], []
        for wish in wishes:
            first, others, how, more = self._one(wish, limits, members, errands, (further or {}).get(wish[0]))
            answers.append((first, others, how, more))
            asked.append((first[0], wish[1], first[1]))
            asked += [(number, wish[2], entries) for number, entries, _ in others]
        # both add their results to the answers' entries
        _read_threads(item for item in asked if not _unread(item[2]))
        run(errands)
        return answers

    def _one(
        self,
        wish: Wish,
        limits: Limits,
        members: Members,
        errands: List[PrivilegedReader],
        others: Optional[Sequence[int]],
    ) -> ContainerReply:
        pid, wants, member_wants, with_members, container = wish
        source = "/proc/%d" % pid
        if not 0 < pid <= PID_MAX:
            return _nothing(pid, failed("", source, UNSUPPORTED, None, "not a process id"))
        try:
            directory = open_process(pid)
        except OSError as error:
            return _nothing(pid, open_failure(pid, error, self._hidepid(error)))
        special = [name for name in dict.fromkeys(wants) if name in PRIVILEGED]
        here, thread = directory, 0
        try:
            plain = [name for name in wants if name not in _SPECIAL]
            entries = read_process(directory, pid, plain)
            if _ended(entries):
                return _nothing(pid, failed("", source, GONE, None, "the process has ended"))
            here, thread = representative(directory, entries)
            if thread:
                entries = of_thread(here, pid, thread, plain, entries)
            chroot = mended(here, pid, entries)
            if special:
                entries += owners(here, pid, special)
                if IDMAPS in special:
                    entries.append(read_idmaps(here, pid))
                start = start_of(
                    _file("stat", here) if thread else text_of(entries, "stat") or _file("stat", directory)
                )
                # all of its files take long, and what else is read must not wait for them
                quick = [name for name in special if name in BY_CHILD and name != GIVING_PROGRAMS]
                about = entries
                if "mountinfo" not in wants and OF_FILES.intersection(special):
                    about = read_process(here, pid, ["mountinfo", "status"], thread)
                    mended(here, pid, about)
                for names in (quick, [GIVING_PROGRAMS] if GIVING_PROGRAMS in special else []):
                    if names:
                        errands.append(PrivilegedReader(thread or pid, start, names, entries, about))
            if BOUND in wants or ROOT in wants:
                entries += self._files(here, pid, wants, entries)
            cgroup = text_of(entries, "cgroup")
            if cgroup is not None and OBSERVED in cgroup:
                if self._put_back(cgroup):
                    now = read_process(directory, pid, ["cgroup"])
                    entries = [*(each for each in entries if each[0] != "cgroup"), *now]
                    cgroup = text_of(entries, "cgroup")
                elif _is_left(cgroup):
                    entries.append((LEFT, source + "/cgroup", ""))
            if cgroup is None and "cgroup" not in wants and (with_members or CGROUPS in wants):
                cgroup = _file("cgroup", here)
            if PARENT in wants and (not container or container not in (cgroup or "")):
                # only needed if the control group does not show the container's id
                entries.append(parent_folder(directory, container))
            mountinfo = text_of(entries, "mountinfo")
            if DESCRIPTORS in wants:
                entries.append(self._outside.read(here, pid, mountinfo))
            if HOST_PROGRAMS in wants and sees_host(
                text_of(entries, "status"), mountinfo, text_of(entries, DESCRIPTORS)
            ):
                entries.append(self._host_processes(here))
            entries += read_liveness(here, pid, wants, cgroup, self._mounts)
            groups = limits.of(cgroup) if cgroup is not None and CGROUPS in wants else []
            if not with_members:
                return (pid, entries, groups), [], "", 0
            namespace = text_of(entries, "ns/pid")
            if namespace is None and "ns/pid" not in wants:
                namespace = _link("ns/pid", here)
            first = text_of(entries, "ns/mnt"), text_of(entries, "uid_map")
            further = Further(names_of(member_wants), LIVENESS | NAMES | {DESCRIPTORS}, *first, chroot=chroot)
            self._other_threads(directory, (pid, entries, []), thread, further)
        finally:
            if here != directory:
                os.close(here)
            os.close(directory)
        if others is None:
            listed, how, group = members.of(pid, container, cgroup, namespace)
        else:
            listed, how, group = named(others, pid), BY_CALLER, ""
        found = self._members(listed.pids, member_wants, limits, further, mountinfo)
        if how == BY_NAMESPACE:
            found = [item for item in found if members.within(text_of(item[1], "ns/pid"), namespace or "")]
        if group and found:
            still = set(members.list_again(group))
            found = [process for process in found if process[0] in still]
        kept = {pid, *(process[0] for process in found)}
        found += [item for owner, item in further.threads if owner in kept]
        return (pid, entries, groups), found, how, listed.more + further.unread

    def _files(self, directory: int, pid: int, wants: Sequence[str], entries: List[Entry]) -> List[Entry]:
        """BOUND and ROOT, as far as they are wanted."""
        wanted = [name for name in (BOUND, ROOT) if name in wants]
        try:
            files = files_of(directory, pid, entries)
        except OSError as error:
            return [failure(name, "/proc/%d/mountinfo" % pid, error) for name in wanted]
        except TooLongError:
            detail = "its list of mounts is too long"
            return [failed(name, "/proc/%d/mountinfo" % pid, UNSUPPORTED, None, detail) for name in wanted]
        return [self._bound.read(files) if name == BOUND else read_root(files) for name in wanted]

    def _put_back(self, cgroup: str) -> bool:
        """Move what a killed observer left in a group of its own; whether anything was."""
        if os.geteuid() != 0:
            return False
        from stratascope.collector.observe.left_groups import put_back  # rarely needed

        return put_back(cgroup, self._mounts.ready())

    def _members(
        self,
        pids: Iterable[int],
        wants: Sequence[str],
        limits: Limits,
        further: Further,
        mountinfo: Optional[str],
    ) -> List[Process]:
        """The processes that could be read; adds the number of unreadable ones, and differing threads, to `further`.
        `mountinfo`: of the first process.
        """
        hidepid: Optional[bool] = None
        names = further.files
        found: List[Process] = []
        for pid in pids:
            try:
                directory = open_process(pid)
            except OSError as error:
                if hidepid is None:
                    hidepid = self._hidepid(error)
                further.unread += open_failure(pid, error, hidepid)[3] != GONE
                continue
            here = directory
            try:
                entries = read_process(directory, pid, names)
                if _ended(entries):
                    continue
                here, thread = representative(directory, entries)
                if thread:
                    entries = of_thread(here, pid, thread, names, entries)
                further.mounts(here, pid, entries, thread)
                if DESCRIPTORS in wants:
                    entries.append(self._outside.read(here, pid, text_of(entries, "mountinfo") or mountinfo))
                entries += read_liveness(here, pid, wants, text_of(entries, "cgroup"), self._mounts)
                groups = limits.of(text_of(entries, "cgroup") or "") if CGROUPS in wants else []
                found.append((pid, entries, groups))
                self._other_threads(directory, found[-1], thread, further)
            finally:
                if here != directory:
                    os.close(here)
                os.close(directory)
        return found

    def _other_threads(self, directory: int, process: Process, thread: int, further: Further) -> None:
        """Add one thread of each kind that differs from the thread representing the process."""
        pid, entries, _ = process
        status, stat = text_of(entries, "status"), text_of(entries, "stat")
        if status is None or "status" not in further.names or threads_of(stat) == 1:
            return
        leader = Leader(directory, start_of(stat), thread or pid, status, text_of(entries, LABEL))
        numbers, read, more = self._threads.other(pid, leader, further.room)
        further.room = max(0, further.room - read)
        further.unread += more
        for number in numbers:
            try:
                here = open_thread(directory, number)
            except OSError:
                continue
            try:
                own = read_process(here, pid, further.files, number)
                further.mounts(here, pid, own, number)
            finally:
                os.close(here)
            if not all(item[2] is None for item in own):
                further.threads.append((pid, (number, own, [])))

    def _host_processes(self, directory: int) -> Entry:
        """Read once for a request: a look at all processes of the machine."""
        if self._targets is None:
            self._mounts.refresh()
            self._targets = Targets(self._mounts.hidepid and os.geteuid() != 0)
        return self._targets.beside(directory)

    def _hidepid(self, error: OSError) -> bool:
        if error.errno is None:
            return False
        self._mounts.refresh()  # rare, and /proc may have been remounted
        return self._mounts.hidepid


def _read_threads(asked: Iterable[Tuple[int, Iterable[str], List[Entry]]]) -> None:
    """Add what only BPF reads to the entries of each process or thread."""
    wishes = [(number, [name for name in names if name in NAMES], into) for number, names, into in asked]
    wishes = [wish for wish in wishes if wish[1]]
    if wishes and not permitted():
        not_read(wishes, DENIED, EPERM, WHY_NOT)
    elif wishes:
        from stratascope.collector.bpf.reading import READER  # takes as long to import as to read three containers

        READER.entries(wishes)


def _is_left(cgroup: str) -> bool:
    from stratascope.collector.observe.left_groups import left_by_observer

    return left_by_observer(cgroup)


def _nothing(pid: int, why: Entry) -> ContainerReply:
    return (pid, [why], []), [], "", 0


def _unread(entries: List[Entry]) -> bool:
    """Whether nothing of the process could be read."""
    return len(entries) == 1 and entries[0][0] == ""


def _file(name: str, directory: int) -> Optional[str]:
    try:
        return read_file(name, directory)
    except (OSError, TooLongError):
        return None


def _link(name: str, directory: int) -> Optional[str]:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None


def _ended(entries: List[Entry]) -> bool:
    """Whether nothing is left of the process: it ended before or while it was read, or waits to be reaped."""
    stat = text_of(entries, "stat")
    if stat is not None:
        return ended(stat)
    return bool(entries) and all(item[2] is None and item[3] == GONE for item in entries)


def reply(collector: Collector, line: bytes) -> bytes:
    """The reply to one request, without its newline. Never raises because of the request."""
    try:
        answer = _answer(collector, json.loads(line.decode("utf-8", "surrogateescape")))
    except RefusedError as error:
        answer = {"refused": str(error)}
    except (ValueError, RecursionError):
        answer = {"refused": "not JSON"}
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def _answer(collector: Collector, request: Any) -> Any:
    if not isinstance(request, dict):
        raise RefusedError("an object was expected")
    ask = request.get("ask")
    if ask == "hello":
        return {"stratascope": "collector", "protocol": PROTOCOL, "barred": why_not()}
    if ask == "host":
        return {"host": collector.host(_names(request.get("names")))}
    if ask == "capture":
        wishes = request.get("wishes")
        if not isinstance(wishes, list) or len(wishes) > WISHES_MAX:
            raise RefusedError("wishes: a list was expected, of at most %d" % WISHES_MAX)
        return {"found": collector.capture([_wish(wish) for wish in wishes], _others(request.get("others", {})))}
    raise RefusedError("ask: hello, host or capture was expected")


def _wish(wish: Any) -> Wish:
    if not isinstance(wish, list) or len(wish) != 5:
        raise RefusedError("a wish is [pid, wants, member_wants, members, container's id]")
    pid, wants, member_wants, members, container = wish
    if not _is_pid(pid) or type(members) is not bool or not isinstance(container, str):
        raise RefusedError("a wish starts with a process id and ends with true or false and text")
    return pid, _names(wants), _names(member_wants), members, container


def _others(others: Any) -> Dict[int, List[int]]:
    if not isinstance(others, dict):
        raise RefusedError("others: an object was expected, of lists of process ids")
    found = {}
    for pid, pids in others.items():
        if not pid.isdigit() or not isinstance(pids, list) or len(pids) > MEMBERS_MAX or not all(map(_is_pid, pids)):
            raise RefusedError("others: process ids with lists of process ids were expected")
        found[int(pid)] = pids
    return found


def _is_pid(number: Any) -> bool:
    return type(number) is int and 0 < number <= PID_MAX


def _names(names: Any) -> List[str]:
    if not isinstance(names, list) or len(names) > NAMES_MAX or not all(isinstance(name, str) for name in names):
        raise RefusedError("names: a list of text was expected, of at most %d" % NAMES_MAX)
    return names


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer line by line until the requests end, or a line is too long."""
    collector = Collector()
    while True:
        line = requests.readline(LINE_MAX)
        if not line or not line.endswith(b"\n"):
            return
        if b'"observe"' in line and _observed(line, requests, replies):
            return
        replies.write(reply(collector, line) + b"\n")
        replies.flush()


def _observed(line: bytes, requests: BinaryIO, replies: BinaryIO) -> bool:
    """Whether this was a request to observe; it has then been served to its end."""
    try:
        asked = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return False
    if not isinstance(asked, dict) or asked.get("ask") != "observe":
        return False
    from stratascope.collector.observe.observer import observe  # few need it, and it needs ctypes
    from stratascope.collector.observe.protocol import RefusedError as NotObservedError

    try:
        observe(asked, requests.fileno(), replies.fileno())
    except NotObservedError as error:
        replies.write(json.dumps({"refused": str(error)}).encode("ascii") + b"\n")
        replies.flush()
    return True


def main() -> None:
    """The program: requests on standard input, replies on standard output."""
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the caller is gone; a flush at exit would only fail again

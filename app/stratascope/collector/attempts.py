"""What a process gets at, found out by trying: harmless attempts by a child that has become what the process is.

Files are opened, and nothing is read of them; in folders a file without a name is made, which is gone when it is closed
(O_TMPFILE). Sockets are connected to as another type than they are, or as datagram sockets: the kernel asks for the
right to them first, and nobody who listens hears of it. Addresses are asked for by UDP, and nothing is sent to them.
What is connected to in earnest is our own: a TCP port on localhost and an abstract socket. Processes get the signal 0,
their root directories are opened as a place only. A user namespace is made and left by ending.

The answer is JSON: `files`: a list of [id, path, right, errno], right r, w or c, one for each file that was tried;
`rows`: a list of [id, errno, where], where errno 0 is that it succeeded. `loose` and `short`: what could not be taken
on (`entering`); `filters`: how many its system call filters are. An errno of -1: these ended the attempt.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import struct
import time
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from stratascope.collector import children
from stratascope.collector.chroot import Files
from stratascope.collector.entering import NEWUSER, Entered, become, enter, filtered, place_of
from stratascope.collector.names import TRIED
from stratascope.collector.reach import Candidate, candidates
from stratascope.collector.read import (
    CHUNK,
    Entry,
    TooLongError,
    failed,
    failure,
    fields_of,
    process_kind,
    read_file,
    start_of,
)

SECONDS = 2.5  # for all attempts
KILLED = -1
OWNERS_MAX = 4
PROCESSES_MAX = 48
_WAIT = 0.3  # for an address to answer
_TEST_NETWORK, _TEST_NETWORK6 = "203.0.113.9", "2001:db8::9"  # RFC 5737, RFC 3849: nobody's
_METADATA, _METADATA6 = "169.254.169.254", "fd00:ec2::254"
_MSG_PROBE, _MSG_CONFIRM = 0x10, 0x800  # include/linux/socket.h
_LEVELS = 64  # of parents that are followed
_REFUSALS = (errno.EACCES, errno.EPERM)


class Attempt(NamedTuple):
    """One. `call` raises OSError where it is refused."""

    id: str
    where: str
    call: Callable[[], object]


class _Ours(NamedTuple):
    """What stands ready outside: sockets of ours, and processes that are none of its own."""

    port: Optional[socket.socket]
    port6: Optional[socket.socket]
    abstract: Optional[socket.socket]
    near: str  # an address of the local network
    others: List[Tuple[int, str]]  # ids and start times
    numbered_alike: bool  # its PID namespace is the reader's


def read_attempts(process: Files, parent: int, same: Callable[[], bool]) -> Entry:
    """TRIED of this process. Only call it in a child, which it changes for good. `parent`: the collector."""
    source = "attempts as a child of %d" % process.pid
    try:
        found = candidates(process)
        place = place_of(process, same)
        ours = _ours(process, parent)
        gateways = _gateways(process.directory)
        as_it = enter(place, parent)
        end = time.monotonic() + SECONDS
        files = _files(found, as_it, end)
        rows = _filtered(list(_reaching(ours, gateways, as_it)), as_it, ours, end)
        text: Dict[str, Any] = {"files": files, "rows": rows, "loose": as_it.loose, "short": as_it.short}
        text["filters"] = len(as_it.filters)
        return (TRIED, source, json.dumps(text, separators=(",", ":")))
    except OSError as error:
        return failed(TRIED, source, process_kind(error), error.errno, error.strerror or "")
    except TooLongError:
        return failure(TRIED, source, OSError(errno.E2BIG, "its files in /proc are too long"))


def attempted(attempts: Sequence[Attempt], filters: Sequence[bytes], end: float, user: Tuple[int, ...] = ()) -> List[
    Optional[int]
]:  # fmt: skip
    """Make them, one after the other, in a child with these filters: an errno each, 0 where it succeeded, None where it
    was not tried. What ends the child ends the attempts. `user`: uid and gid to be first.
    """
    results: List[Optional[int]] = [None] * len(attempts)
    begun = -1
    try:
        child, pipe = children.start(lambda pipe, parent: _work(attempts, filters, user, pipe, parent))
    except OSError:
        return results
    heard, poll = b"", select.poll()
    poll.register(pipe, select.POLLIN)
    while poll.poll(max(0.0, end - time.monotonic()) * 1000):
        part = os.read(pipe, CHUNK)
        if not part:
            break
        heard += part
    os.close(pipe)
    with suppress(OSError):
        os.kill(child, signal.SIGKILL if time.monotonic() >= end else 0)
    for _ in range(100):  # one that waits in the kernel may never end
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.002)
    for number, outcome in struct.iter_unpack("=ii", heard[: len(heard) // 8 * 8]):
        begun = number
        results[number] = outcome if outcome >= 0 else None
    if ended and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS and begun >= 0:
        results[begun] = KILLED if results[begun] is None else results[begun]
    return results


def _work(attempts: Sequence[Attempt], filters: Sequence[bytes], user: Tuple[int, ...], pipe: int, parent: int) -> None:
    """The child: what it tells is a number and an outcome, -1 before it is tried."""
    if user:
        become(*user)
    children.die_with(parent)
    filtered(filters)
    for number, each in enumerate(attempts):
        os.write(pipe, struct.pack("=ii", number, -1))
        outcome = 0
        try:
            each.call()
        except OSError as error:
            outcome = error.errno or errno.EIO
        os.write(pipe, struct.pack("=ii", number, outcome))
    os._exit(0)


# Files


def _files(found: Sequence[Candidate], as_it: Entered, end: float) -> List[List[Any]]:
    """The best outcome of each file: by its places, as it is and as the owner that it may become."""
    attempts = [Attempt(item.id, path, _opening(item, as_it.path(path))) for item in found for path in item.places]
    items = [item for item in found for _ in item.places]
    outcomes = attempted(attempts, (), end)
    for owner in _owners(items, outcomes):
        again = [at for at, item in enumerate(items) if outcomes[at] in _REFUSALS and _owner(item) == owner]
        others = attempted([attempts[at] for at in again], (), end, as_it.user(*owner))
        for number, at in enumerate(again):
            outcomes[at] = 0 if others[number] == 0 else outcomes[at]
    for at, item in enumerate(items):  # who may give itself the right was not asked whether it does
        if outcomes[at] == errno.EACCES and as_it.gives_itself(item.about.st_uid):
            outcomes[at] = None
    of_each: Dict[int, List[Optional[int]]] = {}
    for at, item in enumerate(items):
        of_each.setdefault(id(item), []).append(outcomes[at])
    told = ((item, _best(of_each.get(id(item), []))) for item in found)
    return [[item.id, item.path, item.right, outcome] for item, outcome in told if outcome is not None]


def _best(outcomes: List[Optional[int]]) -> Optional[int]:
    """Of all places: that it succeeded at one, else that it is there and was refused; None if not all were tried."""
    if 0 in outcomes:
        return 0
    if not outcomes or None in outcomes:
        return None
    return next((each for each in outcomes if each != errno.ENOENT), errno.ENOENT)


def _owners(items: Sequence[Candidate], outcomes: Sequence[Optional[int]]) -> List[Tuple[int, int]]:
    refused = (_owner(item) for at, item in enumerate(items) if outcomes[at] in _REFUSALS)
    return list(dict.fromkeys(refused))[:OWNERS_MAX]


def _owner(item: Candidate) -> Tuple[int, int]:
    return item.about.st_uid, item.about.st_gid


def _opening(item: Candidate, path: str) -> Callable[[], None]:
    def attempt() -> None:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not item.is_it(os.fstat(place)):
                raise OSError(errno.ENOENT, "another file is there")
        finally:
            os.close(place)
        if item.right == "c":
            _connected(path)
        elif item.right == "w":
            _made_in(path)
        else:
            os.close(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))

    return attempt


def _connected(path: str) -> None:
    """Whether it may connect. A datagram socket never connects to a stream's, and is told so (EPROTOTYPE) only after
    the right to it was asked for: unix_find_bsd, net/unix/af_unix.c.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        try:
            ours.connect(path)
        except OSError as error:
            if error.errno not in (errno.EPROTOTYPE, errno.ECONNREFUSED):
                raise


def _made_in(path: str) -> None:
    """Whether a file can be made in this folder; where its file system knows none without a name, whether it may."""
    try:
        os.close(os.open(path, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            raise
        if not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            os.stat(path)
            raise OSError(errno.EACCES, "it may not write there") from None


# What its filter decides as well


def _filtered(attempts: List[Attempt], as_it: Entered, ours: _Ours, end: float) -> List[List[Any]]:
    """[id, errno, where] of each kind: the one that succeeded, else the first. All in one child, as far as it lives."""
    rows: Dict[str, List[Any]] = {}
    while attempts and time.monotonic() < end:
        outcomes = attempted(attempts, as_it.filters, end)
        for at, each in enumerate(attempts):
            outcome = outcomes[at]
            if outcome == 0 and each.id == "host-loopback" and not _arrived(ours):
                outcome = errno.ECONNREFUSED
            if outcome is not None and (each.id not in rows or (outcome == 0 and rows[each.id][1] != 0)):
                rows[each.id] = [each.id, outcome, each.where]
        if KILLED not in outcomes:
            break
        attempts = attempts[outcomes.index(KILLED) + 1 :]
    return list(rows.values())


def _reaching(ours: _Ours, gateways: Sequence[str], as_it: Entered) -> Iterator[Attempt]:
    """Attempts that need no file of the machine; making a user namespace comes last, since it changes the child."""
    yield Attempt("open", "/", lambda: os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY)))
    yield Attempt("socket", "", _to_nobody)
    for port, addresses in ((ours.port, ("127.0.0.1", *gateways)), (ours.port6, ("::1",))):
        for address in addresses if port is not None else ():
            yield Attempt("host-loopback", address, _arriving(port, address))
    for name, address in (
        ("internet", _TEST_NETWORK),
        ("internet", _TEST_NETWORK6),
        ("metadata", _METADATA),
        ("metadata", _METADATA6),
        ("lan", ours.near),
    ):
        if address:
            yield Attempt(name, address, _sending_nothing(address))
    if ours.abstract is not None:
        name = ours.abstract.getsockname()
        yield Attempt("abstract-sockets", "@" + name[1:].decode("ascii"), _to_abstract(name))
    for pid, start in ours.others:
        place = as_it.path("/proc/%d" % pid)
        yield Attempt("host-processes", str(pid), partial(_seen, place, start))
        yield Attempt("trace-others", str(pid), partial(_looked_into, place, start))
        if ours.numbered_alike:
            yield Attempt("signal-others", str(pid), partial(os.kill, pid, 0))
    yield Attempt("new-user-namespace", "", _new_user_namespace)


def _arriving(port: Optional[socket.socket], address: str) -> Callable[[], None]:

    def attempt() -> None:
        assert port is not None
        with socket.socket(port.family, socket.SOCK_STREAM) as ours:
            ours.settimeout(_WAIT)
            try:
                ours.connect((address, port.getsockname()[1]))
            except socket.timeout:
                raise OSError(errno.ETIMEDOUT, "no answer") from None

    return attempt


def _arrived(ours: _Ours) -> bool:
    """Whether it was our port that answered: another program may have that number in another network."""
    for port in (ours.port, ours.port6):
        with suppress(OSError):
            if port is not None:
                port.accept()[0].close()
                return True
    return False


def _to_nobody() -> None:
    """Connect a Unix socket to a name that nobody has: refused for that, if it may connect at all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
        try:
            ours.connect(b"\0stratascope-" + os.urandom(12).hex().encode("ascii"))
        except ConnectionRefusedError:
            return


def _sending_nothing(address: str) -> Callable[[], None]:
    def attempt() -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as ours:
            # looks for the route and asks who may refuse it, and sends nothing (udp_sendmsg, net/ipv4/udp.c)
            ours.sendto(b"", _MSG_PROBE | _MSG_CONFIRM, (address, 9))

    return attempt


def _to_abstract(name: bytes) -> Callable[[], None]:
    def attempt() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
            ours.connect(name)

    return attempt


def _seen(place: str, start: str) -> None:
    """Whether this very process is there in its /proc."""
    if _start_of(place + "/stat") != start:
        raise OSError(errno.ESRCH, "another process has that number there")


def _looked_into(place: str, start: str) -> None:
    _seen(place, start)
    os.close(os.open(place + "/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))


def _new_user_namespace() -> None:
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _start_of(path: str) -> str:
    try:
        return start_of(read_file(path))
    except TooLongError:
        return ""


# What stands ready outside


def _ours(process: Files, parent: int) -> _Ours:
    abstract = None
    with suppress(OSError):
        abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        abstract.bind(b"\0stratascope-" + os.urandom(12).hex().encode("ascii"))
        abstract.listen(8)
    alike = os.readlink("ns/pid", dir_fd=process.directory) == os.readlink("/proc/self/ns/pid")
    ports = _port(socket.AF_INET, "127.0.0.1"), _port(socket.AF_INET6, "::1")
    return _Ours(*ports, abstract, _near(), _others(process.pid, parent), alike)


def _port(family: int, address: str) -> Optional[socket.socket]:
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.bind((address, 0))
        listening.listen(8)
        listening.settimeout(0)
    except OSError:
        return None
    return listening


def _near() -> str:
    """An address of a network that the machine is on, by its routes; "" if it is on none."""
    for words in _routes("/proc/self/net/route"):
        target, gateway, mask = (int(words[at], 16) for at in (1, 2, 7))
        if gateway == 0 and mask and words[0] != "lo":
            return _address(target + (1 << 24))  # in the order of the network's bytes: the first address
    return ""


def _gateways(directory: int) -> List[str]:
    """Of the process's network: some of them lead to this machine's localhost."""
    found = [_address(int(words[2], 16)) for words in _routes("net/route", directory) if int(words[2], 16)]
    return list(dict.fromkeys(found))[:2]


def _routes(path: str, directory: Optional[int] = None) -> List[List[str]]:
    try:
        lines = read_file(path, directory).split("\n")[1:]
    except (OSError, TooLongError):
        return []
    return [words for words in (line.split() for line in lines) if len(words) > 7]


def _address(number: int) -> str:
    return socket.inet_ntoa(struct.pack("<I", number & 0xFFFFFFFF))


class _Kind(NamedTuple):
    """What makes processes alike to those that would see, stop or look into them."""

    ids: str
    rights: str
    mounts: str
    users: str
    pids: str


def _others(pid: int, parent: int) -> List[Tuple[int, str]]:
    """Processes that are none of its own, one of each kind, with their start times: the collector's first."""
    own, above = _kind(pid), _parents()
    here = [os.readlink("/proc/self/ns/" + kind) for kind in ("user", "pid")]
    found: Dict[_Kind, Tuple[int, str]] = {}
    for each in sorted(above, key=lambda number: (number not in (parent, 2), number)):
        kind = _kind(each)
        if own is None or kind is None or kind in found or kind == own or each == os.getpid():
            continue
        # those that are in namespaces of its own, or were started by it
        its = (kind.users == own.users != here[0]) or (kind.pids == own.pids != here[1]) or _below(each, pid, above)
        if not its:
            with suppress(OSError):
                found[kind] = (each, _start_of("/proc/%d/stat" % each))
        if len(found) >= PROCESSES_MAX:
            break
    return list(found.values())


def _parents() -> Dict[int, int]:
    found = {}
    for name in os.listdir("/proc"):
        with suppress(OSError, TooLongError, ValueError, IndexError):
            if name.isdigit():
                found[int(name)] = int(read_file("/proc/%s/stat" % name).rpartition(")")[2].split()[1])
    return found


def _below(pid: int, top: int, parents: Dict[int, int]) -> bool:
    for _ in range(_LEVELS):
        if pid == top:
            return True
        pid = parents.get(pid, 0)
    return False


def _kind(pid: int) -> Optional[_Kind]:
    try:
        fields = fields_of(read_file("/proc/%d/status" % pid))
    except (OSError, TooLongError):
        return None
    links = []
    for kind in ("mnt", "user", "pid"):
        try:
            links.append(os.readlink("/proc/%d/ns/%s" % (pid, kind)))
        except OSError:
            links.append("")
    rights = " ".join(fields.get(name, "") for name in ("CapPrm", "NoNewPrivs", "Seccomp"))
    return _Kind(" ".join(fields.get(name, "") for name in ("Uid", "Gid")), rights, *links)

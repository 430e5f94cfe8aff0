"""One look at all threads of the machine: who is Landlocked and how, and whose securebits are set.

The programs are loaded once and then run for each look, which takes a millisecond for a thousand threads: where few
processes are asked for, for theirs alone. The one that reads domains is only loaded where a thread that somebody asked
for has one. Where Landlock's part of a security blob is differs with the
other security modules, and no file shows it: a thread of our own restricts itself, and the place where it is found,
with what it asked for, and where our first thread has none, is the one.

`bpf:securebits`: the bits that all threads of a process have, in hexadecimal. `bpf:landlock`: empty if no thread has a
domain, else JSON `{"free": true if some thread has none, "domains": [{"layers": [[files, network, scopes], ...],
"files": [[major, minor, inode, mode, links, path in its file system or null, [[layer, access], ...]], ...], "ports":
[[port, [[layer, access], ...]], ...], "whole": false if there are more rules}]}`. `bpf:domain`: the ids of these
domains and of those above each, in hexadecimal.
"""

from __future__ import annotations

import json
import os
import struct
import threading
import time
from array import array
from errno import E2BIG, EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from stratascope.collector.bpf.btf import PATH, Btf, NoLayoutError, description
from stratascope.collector.bpf.calls import ARRAY, HASH, READ_ONLY, SHARED, Bpf, BpfError, memory
from stratascope.collector.bpf.permission import SOURCE, WHY_NOT, Wish, not_read, permitted
from stratascope.collector.bpf.programs import (
    ABOVE,
    DOMAIN,
    FILE,
    FIRST,
    LAYER,
    LAYERS_MAX,
    PART,
    ROOM,
    RULE,
    START,
    STATE,
    STEPS,
    THREAD,
    Layout,
    domain,
    layout,
    threads,
)
from stratascope.collector.filters import unfiltered
from stratascope.collector.names import DOMAIN_IDS, SECUREBITS
from stratascope.collector.read import ABSENT, DENIED, GONE, UNSUPPORTED, Entry, TooLongError, failed, read_file

FEW = 32  # processes that are looked at one by one
DOMAINS_MAX = 1024  # read at one look
WALKS_MAX = 32  # over all threads, to read them
RETRY = 60.0  # seconds until it is tried again after a failure
_BLOB_MAX = 256  # bytes in which Landlock's part is looked for
_POINTERS = 1 << 63  # what stands for an id where the kernel has none is told to nobody
_CREATE, _RESTRICT = 444, 446  # landlock_create_ruleset, landlock_restrict_self; on all machines that are supported
_VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
_REFER = 1 << 13  # every domain that restricts files handles it, whether it asked for it or not
_NO_NEW_PRIVS = 38  # PR_SET_NO_NEW_PRIVS


class NotReadError(Exception):
    """Why threads can't be read: a kind of gap, errno or None, and a sentence."""

    def __init__(self, kind: str, errno: Optional[int], detail: str) -> None:
        super().__init__(kind, errno, detail)
        self.kind, self.errno, self.detail = kind, errno, detail


class Thread(NamedTuple):
    """What the first program tells of a thread. `domain`: 0 if it has none."""

    tid: int
    tgid: int
    securebits: int
    layers: int
    domain: int
    handled: int


class Look:
    """All threads at one moment. A thread is only unpacked where it is asked for: there may be thousands."""

    def __init__(self, data: bytes) -> None:
        self._data = data[: len(data) // THREAD.size * THREAD.size]
        words = array("I")
        words.frombytes(self._data)
        step = THREAD.size // words.itemsize
        self._tids, self._tgids, self._layers = words[0::step], words[1::step], words[3::step]
        self._of: Dict[int, List[int]] = {}
        for place, tgid in enumerate(self._tgids):
            self._of.setdefault(tgid, []).append(place)

    def _at(self, place: int) -> Thread:
        return Thread(*THREAD.unpack_from(self._data, place * THREAD.size)[:6])

    def of(self, number: int) -> List[Thread]:
        """The threads of that process; or that one thread, which is not the first of its process."""
        found = self._of.get(number)
        if found:
            return [self._at(place) for place in found]
        try:
            return [self._at(self._tids.index(number))]
        except ValueError:
            return []

    def thread(self, tid: int) -> Optional[Thread]:
        """That thread; None if there is none."""
        try:
            return self._at(self._tids.index(tid))
        except ValueError:
            return None

    def restricted(self) -> List[Thread]:
        """All that have a domain."""
        return [self._at(place) for place, layers in enumerate(self._layers) if layers]

    def processes(self) -> Set[int]:
        """All of them."""
        return set(self._of)


class Holders(NamedTuple):
    """All processes, and those in each Landlock domain or in one below it."""

    alive: Set[int]
    of: Dict[int, Set[int]]


class ThreadReader:
    """The programs, as long as they are loaded: they are found and loaded once, whichever thread asks first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: Optional[NotReadError] = None
        self._failed_at = 0.0
        self._bpf: Optional[Bpf] = None
        self._layout: Optional[Layout] = None
        self._blob = -1
        self._program = -1  # that of the first link
        self._threads = -1  # links
        self._domain = -1
        self._one_by_one = True  # whether this kernel walks over one process's threads
        self._wanted = -1
        self._told: Any = None

    def look(self, processes: Sequence[int] = ()) -> Look:
        """All threads now; enough if those of these processes are in it. Raises NotReadError."""
        with self._lock:
            return self._look(processes)

    def _look(self, processes: Sequence[int] = ()) -> Look:
        if self._failed is not None and time.monotonic() - self._failed_at < RETRY:
            raise NotReadError(*self._failed.args)
        self._failed = None
        try:
            if self._threads < 0:
                self._begin()
            few = self._few(processes) if self._one_by_one and 0 < len(processes) <= FEW else None
            return few or Look(self._ready().walk(self._threads))
        except NotReadError as error:
            raise self._fail(error) from error
        except (NoLayoutError, ImportError) as error:
            raise self._fail(NotReadError(UNSUPPORTED, None, str(error))) from error
        except BpfError as error:
            raise self._fail(_refused(error)) from error
        except OSError as error:
            raise self._fail(NotReadError(UNSUPPORTED, error.errno, error.strerror or "")) from error

    def _few(self, processes: Sequence[int]) -> Optional[Look]:
        """The threads of these; None where one has none, since it may be the number of a single thread."""
        bpf, parts = self._ready(), []
        for each in processes:
            try:
                link = bpf.attached(self._program, each)
            except BpfError as error:
                self._one_by_one = error.errno not in (E2BIG, EINVAL)
                return None
            try:
                parts.append(bpf.walk(link))
            finally:
                os.close(link)
        return Look(b"".join(parts)) if all(parts) else None

    def _fail(self, error: NotReadError) -> NotReadError:
        self._failed, self._failed_at = error, time.monotonic()
        return error

    def _ready(self) -> Bpf:
        if self._bpf is None:
            raise NotReadError(UNSUPPORTED, None, "not begun")
        return self._bpf

    def _begin(self) -> None:
        """Find the layout, load the first program, find Landlock's place."""
        if not permitted():
            raise NotReadError(DENIED, EPERM, WHY_NOT)
        if not unfiltered():
            raise NotReadError(UNSUPPORTED, None, "this reader is under a seccomp filter, which may answer instead")
        self._bpf = bpf = Bpf()
        if not bpf.known:
            raise NotReadError(UNSUPPORTED, None, "the number of the call is not known on this machine")
        abi = _landlock_version()
        where = self._layout = layout(_types(), abi)
        if not abi:
            self._program = bpf.iterator(threads(where, -1).code(), where.iterator)
            self._threads = bpf.attached(self._program)
            return
        with _Landlocked(abi) as own:
            for blob in range(0, _BLOB_MAX, 8):
                program = bpf.iterator(threads(where, blob).code(), where.iterator)
                link = bpf.attached(program)
                if own.found_in(Look(bpf.walk(link)), where):
                    self._blob, self._program, self._threads = blob, program, link
                    return
                os.close(link)
                os.close(program)
        raise NotReadError(UNSUPPORTED, None, "where Landlock keeps its part of the credentials was not found")

    def entries(self, wishes: Iterable[Wish]) -> None:
        """Add to the entries of each what is wished of it."""
        try:
            with self._lock:
                look = self._look(list(dict.fromkeys(number for number, _, _ in wishes)))
                found = {number: look.of(number) for number, _, _ in wishes}
                domains = self._domains([each for several in found.values() for each in several])
        except NotReadError as error:
            not_read(wishes, error.kind, error.errno, error.detail)
            return
        for number, names, into in wishes:
            own = found[number]
            for name in names:
                into.append(_entry(name, number, own, domains))

    def _domains(self, those: List[Thread]) -> Dict[int, "Domain"]:
        """The domains of these threads, by id. Raises NotReadError."""
        first: Dict[int, int] = {}
        for each in those:
            if each.domain:
                first.setdefault(each.domain, each.tid)
        if not first:
            return {}
        found: Dict[int, Domain] = {}
        wanted = dict(list(first.items())[:DOMAINS_MAX])
        try:
            for _ in range(WALKS_MAX):
                told = self._told_of(wanted)
                # what did not fit is told with the next walk, alone if it must be
                some = {number: each for number, each in told.items() if each.told["whole"]} or told
                found.update(some)
                for number in some:
                    del wanted[number]
                if not wanted or not some:
                    break
        except BpfError as error:
            raise _refused(error) from error
        except OSError as error:
            raise NotReadError(UNSUPPORTED, error.errno, error.strerror or "") from error
        return found

    def holders(self) -> Holders:
        """Who is in which domain now. Raises NotReadError."""
        with self._lock:
            look = self._look()
            held = look.restricted()
            domains = self._domains(held)
        found: Dict[int, Set[int]] = {}
        for each in held:
            for number in domains[each.domain].ids if each.domain in domains else (each.domain,):
                found.setdefault(number, set()).add(each.tgid)
        return Holders(look.processes(), found)

    def _told_of(self, first: Dict[int, int]) -> Dict[int, "Domain"]:
        bpf, where = self._ready(), self._layout
        if where is None:
            return {}
        if self._domain < 0:
            self._load(bpf, where)
        self._told[0:8] = struct.pack("<Q", FIRST)
        for tid in first.values():
            bpf.put(self._wanted, struct.pack("<I", tid), struct.pack("<I", 1))
        try:
            bpf.walk(self._domain)
        finally:
            for tid in first.values():
                bpf.take_out(self._wanted, struct.pack("<I", tid))
        (end,) = struct.unpack("<Q", self._told[0:8])
        by_tid = decoded(self._told[FIRST : min(end, ROOM)], where)
        return {number: by_tid[tid] for number, tid in first.items() if tid in by_tid}

    def _load(self, bpf: Bpf, where: Layout) -> None:
        self._wanted = bpf.map(HASH, 4, 4, DOMAINS_MAX)
        told = bpf.map(ARRAY, 4, ROOM, 1, SHARED)
        state = bpf.map(ARRAY, 4, STATE, 1, READ_ONLY)
        steps = bpf.map(ARRAY, 4, 8, STEPS, READ_ONLY)
        try:
            made = domain(where, self._blob, self._wanted, told, state, steps)
            program = bpf.iterator(made.code(), where.iterator, made.at("step"))
            try:
                self._domain = bpf.attached(program)
            finally:
                os.close(program)
            self._told = memory(told, ROOM)
        finally:
            for descriptor in (told, state, steps):
                os.close(descriptor)

    def close(self) -> None:
        """Release the programs; a later look loads them again."""
        for descriptor in (self._program, self._threads, self._domain, self._wanted):
            if descriptor >= 0:
                os.close(descriptor)
        if self._told is not None:
            self._told.close()
        self._program = self._threads = self._domain = self._wanted = -1
        self._told = None


def _entry(name: str, number: int, own: List[Thread], domains: Dict[int, "Domain"]) -> Entry:
    source = SOURCE % number
    if not own:
        return failed(name, source, GONE, None, "the process has ended")
    if name == SECUREBITS:
        bits = own[0].securebits
        for each in own[1:]:
            bits &= each.securebits
        return (name, source, "%x" % bits)
    numbers = sorted({each.domain for each in own if each.domain})
    if any(each not in domains for each in numbers):
        return failed(name, source, UNSUPPORTED, None, "more Landlock domains than are read at once")
    if name == DOMAIN_IDS:
        ids = dict.fromkeys(each for number in numbers for each in domains[number].ids if each < _POINTERS)
        return (name, source, " ".join("%x" % each for each in ids))
    if not numbers:
        return (name, source, "")
    told = {json.dumps(domains[each].told, sort_keys=True): domains[each].told for each in numbers}
    free = any(not each.domain for each in own)
    return (name, source, json.dumps({"free": free, "domains": [told[key] for key in sorted(told)]}))


class Domain(NamedTuple):
    """A domain: its id and those above, youngest first; and what is told of it."""

    ids: Tuple[int, ...]
    told: Dict[str, Any]


def decoded(data: bytes, where: Layout) -> Dict[int, Domain]:
    """What the second program wrote, by thread."""
    found: Dict[int, Domain] = {}
    place, end = 0, len(data)
    ids: List[int] = []
    files: List[List[Any]] = []
    ports: List[List[Any]] = []
    parts: List[bytes] = []
    while place + 8 <= end:
        kind, number = struct.unpack_from("<II", data, place)
        if kind == DOMAIN and place + START.size + 4 * LAYERS_MAX <= end:
            _, tid, _, layers, _, whole, _ = START.unpack_from(data, place)
            each = "<%d%s" % (min(layers, LAYERS_MAX), "I" if where.mask_size == 4 else "H")
            masks = struct.unpack_from(each, data, place + START.size)
            ids, files, ports = [], [], []
            told = {
                "layers": [_handled(mask, where) for mask in masks],
                "files": files,
                "ports": ports,
                "whole": bool(whole),
            }
            found[tid] = Domain((), told)
            place += START.size + 4 * LAYERS_MAX
        elif kind == ABOVE and place + 16 <= end:
            ids.append(struct.unpack_from("<Q", data, place + 8)[0])
            found[tid] = found[tid]._replace(ids=tuple(ids))
            place += 16
        elif kind == FILE and place + RULE.size + LAYER * LAYERS_MAX <= end:
            _, layers, key, device, mode, links, port = RULE.unpack_from(data, place)
            access = _allowed(data[place + RULE.size : place + RULE.size + LAYER * LAYERS_MAX], layers, where)
            parts = []
            if port:
                ports.append([(key & 0xFF) << 8 | key >> 8 & 0xFF, access])
            elif device or key:
                # a kernel's dev_t: MKDEV, include/linux/kdev_t.h
                files.append([device >> 20, device & 0xFFFFF, key, mode, links, None, access])
            place += RULE.size + LAYER * LAYERS_MAX
        elif kind == PART:
            if number:
                parts.append(data[place + 8 : place + 8 + number - 1])
            elif files:
                files[-1][5] = "/" + b"/".join(reversed(parts)).decode("utf-8", "surrogateescape")
            place += 8 + (number + 7 & ~7)
        else:
            break
    return found


def _allowed(data: bytes, layers: int, where: Layout) -> List[List[int]]:
    """The number of each layer that the rule is of, from 1, and its rights."""
    found = []
    for at in range(0, min(layers, LAYERS_MAX) * where.layer_size, where.layer_size):
        (level,) = struct.unpack_from("<H", data, at + where.level)
        access = int.from_bytes(data[at + where.access : at + where.access + where.access_size], "little")
        found.append([level, access])
    return found


def _handled(mask: int, where: Layout) -> List[int]:
    """The rights of files, of the network, and scopes, of one layer."""
    low = min(where.net_bit, where.scope_bit, 32)
    net = mask >> where.net_bit & ((1 << max(0, min(where.scope_bit, 32) - where.net_bit)) - 1)
    return [mask & ((1 << low) - 1), net, mask >> where.scope_bit]


def _types() -> Btf:
    try:
        return Btf(description())
    except FileNotFoundError:
        raise NotReadError(ABSENT, None, "this kernel has no BTF (%s)" % PATH) from None


def _refused(error: BpfError) -> NotReadError:
    """In words, with the reason that a lockdown is, which the kernel does not name."""
    number = error.errno or 0
    try:
        locked = "[confidentiality]" in read_file("/sys/kernel/security/lockdown")
    except (OSError, TooLongError):
        locked = False
    if locked:
        return NotReadError(DENIED, number, "kernel lockdown (confidentiality) forbids BPF to read the kernel")
    if number in (EPERM, EACCES) and error.what != "program":
        return NotReadError(DENIED, number, "the kernel forbids BPF to this reader")
    text = "BPF (%s): %s" % (error.what, error.strerror)
    return NotReadError(
        DENIED if number == EPERM else UNSUPPORTED, number, text + (": " + error.words if error.words else "")
    )


def _landlock_version() -> int:
    """The version of this kernel's Landlock, 0 if it is not active."""
    import ctypes

    call: Any = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    word = ctypes.c_long
    found = int(call(word(_CREATE), None, word(0), word(_VERSION)))
    if found < 0 and ctypes.get_errno() not in (ENOSYS, EOPNOTSUPP, EINVAL):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return max(0, found)


class _Landlocked:
    """A thread of our own that has restricted itself, as long as the context lasts. Raises NotReadError."""

    def __init__(self, abi: int) -> None:
        known = 13 if abi < 2 else 14 if abi < 3 else 15  # rights of files that every version since then has
        self._handled = (1 | int.from_bytes(os.urandom(2), "little") & ((1 << known) - 1)) & ~_REFER
        self._ready, self._over = threading.Event(), threading.Event()
        self._tid = 0
        self._error = 0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "_Landlocked":
        self._thread.start()
        self._ready.wait()
        if self._error:
            self._over.set()
            raise NotReadError(UNSUPPORTED, self._error, "Landlock could not be tried: %s" % os.strerror(self._error))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def found_in(self, look: Look, where: Layout) -> bool:
        """Whether that look shows this thread as it is, and our first one with a layer less."""
        own, first = look.thread(self._tid), look.thread(threading.get_native_id())
        if own is None or first is None or own.layers != first.layers + 1 or (first.domain == 0) != (first.layers == 0):
            return False
        mask = own.handled & ((1 << min(16, where.net_bit)) - 1) & ~_REFER
        return own.domain != 0 and (mask == self._handled or first.layers > 0)

    def _work(self) -> None:
        try:
            import ctypes

            library: Any = ctypes.CDLL(None, use_errno=True)
            call, word = library.syscall, ctypes.c_long
            call.restype = ctypes.c_long
            self._tid = threading.get_native_id()
            attributes = ctypes.c_uint64(self._handled)
            ruleset = int(call(word(_CREATE), ctypes.byref(attributes), word(8), word(0)))
            if ruleset < 0:
                self._error = ctypes.get_errno()
                return
            library.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
            if int(call(word(_RESTRICT), word(ruleset), word(0))) < 0:
                self._error = ctypes.get_errno()
            os.close(ruleset)
        except (ImportError, AttributeError):
            self._error = ENOSYS
        finally:
            self._ready.set()
            if not self._error:
                self._over.wait()


READER = ThreadReader()  # one for all threads of this program, since loading takes longer than reading

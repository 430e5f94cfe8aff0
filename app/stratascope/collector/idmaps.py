"""The id maps of a process's mounts; mountinfo only marks a mount as `idmapped` (mount_setattr(2)).

statmount(2) reports them since Linux 6.15, in the reader's ids, to a caller with CAP_SYS_ADMIN over the mount
namespace. It uses mount ids of its own, so listmount(2) lists those first. Neither resolves a path or calls into a file
system.
"""

from __future__ import annotations

import os
import struct
from typing import Any, Dict, FrozenSet, List

from stratascope.collector.read import UNSUPPORTED, Entry, TooLongError, failed, failure, read_file

IDMAPS = "mnt:idmaps"
MOUNTS_MAX = 4096  # mounts examined; those beyond are not reported

# include/uapi/linux/nsfs.h: _IOR(0xb7, 5, __u64), since Linux 6.11
_NS_GET_MNTNS_ID = 0x8008B705
_ELSEWHERE = ("alpha", "mips", "parisc", "ppc", "sparc")  # _IOR and some call numbers differ on these
# include/uapi/linux/mount.h
_STATMOUNT, _LISTMOUNT = 457, 458
_REQUEST = struct.Struct("=IIQQQ")  # struct mnt_id_req: size, 0, mount, request mask or last id, mount namespace
_ALL = 0xFFFFFFFFFFFFFFFF  # LSMT_ROOT
_BASIC, _UIDS, _GIDS = 0x2, 0x2000, 0x4000  # STATMOUNT_MNT_BASIC, _MNT_UIDMAP, _MNT_GIDMAP
_MASK, _OLD_ID, _MAPS, _TEXT = 8, 56, 152, 512  # offsets in struct statmount
_AT_ONCE = 512
_ROOM = 1 << 16  # two maps of 340 lines take less than half of it


def read_idmaps(directory: int, pid: int) -> Entry:
    """IDMAPS: one line per map, `MOUNT uid` or `MOUNT gid` and triples; MOUNT is the id in mountinfo.

    A triple is the first id on the disk, the first id that processes see, and the count.
    """
    source = "statmount(2) in /proc/%d/ns/mnt" % pid
    try:
        marked = _marked(read_file("mountinfo", directory))
        if not marked:
            return (IDMAPS, source, "")
        if os.uname().machine.startswith(_ELSEWHERE):
            return failed(IDMAPS, source, UNSUPPORTED, None, "the number of the call is not known here")
        lines = _Calls(directory).maps(marked)
        if not lines:
            return failed(IDMAPS, source, UNSUPPORTED, None, "this kernel does not tell them")
        return (IDMAPS, source, "".join(line + "\n" for line in lines))
    except OSError as error:
        return failure(IDMAPS, source, error)
    except TooLongError:
        return failed(IDMAPS, source, UNSUPPORTED, None, "its list of mounts is too long")
    except ImportError:
        return failed(IDMAPS, source, UNSUPPORTED, None, "this Python has no ctypes")


def _marked(mountinfo: str) -> FrozenSet[int]:
    """The ids of mounts that have a map."""
    if ",idmapped" not in mountinfo:
        return frozenset()
    lines = [line.split(" ", 6) for line in mountinfo.split("\n")]
    return frozenset(int(words[0]) for words in lines if len(words) > 6 and "idmapped" in words[5].split(","))


class _Calls:
    """The two system calls, for one mount namespace. Raises OSError, ImportError."""

    def __init__(self, directory: int) -> None:
        import ctypes
        import fcntl

        self._ctypes: Any = ctypes
        self._call: Any = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        number = bytearray(8)
        descriptor = os.open("ns/mnt", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        try:
            fcntl.ioctl(descriptor, _NS_GET_MNTNS_ID, number)
        finally:
            os.close(descriptor)
        (self._namespace,) = struct.unpack("=Q", number)

    def maps(self, marked: FrozenSet[int]) -> List[str]:
        """A line for each map of these mounts that the kernel reports."""
        found: Dict[int, List[str]] = {}
        for mount in self._listed():
            answer = self._ctypes.create_string_buffer(_ROOM)
            self._do(_STATMOUNT, mount, _BASIC | _UIDS | _GIDS, answer, _ROOM)
            (mask,), (number,) = struct.unpack_from("=Q", answer, _MASK), struct.unpack_from("=I", answer, _OLD_ID)
            # both bits are set for any map, even if none of it is in the reader's ids: fs/namespace.c
            if number in marked and mask & _UIDS and mask & _GIDS:
                counts = struct.unpack_from("=IIII", answer, _MAPS)
                found[number] = [
                    "%d uid%s" % (number, _numbers(answer.raw, *counts[:2])),
                    "%d gid%s" % (number, _numbers(answer.raw, *counts[2:])),
                ]
            if len(found) == len(marked):
                break
        return [line for number in sorted(found) for line in found[number]]

    def _listed(self) -> List[int]:
        found: List[int] = []
        some = (self._ctypes.c_uint64 * _AT_ONCE)()
        while len(found) < MOUNTS_MAX:
            count = self._do(_LISTMOUNT, _ALL, found[-1] if found else 0, some, _AT_ONCE)
            found.extend(some[:count])
            if count < _AT_ONCE:
                break
        return found

    def _do(self, number: int, mount: int, param: int, answer: Any, room: int) -> int:
        request = _REQUEST.pack(_REQUEST.size, 0, mount, param, self._namespace)
        size, flags = self._ctypes.c_size_t(room), self._ctypes.c_uint(0)
        count = int(self._call(self._ctypes.c_long(number), request, answer, size, flags))
        if count < 0:
            code = self._ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return count


def _numbers(answer: bytes, count: int, place: int) -> str:
    """` 0 100000 65536` for each of `count` consecutive strings."""
    texts = answer[_TEXT + place :].split(b"\0", count)[:count]
    return "".join(" " + text.decode("ascii") for text in texts)

"""Marks of fanotify(7) on the mounts at and below one path of a container, and what was opened there by which process.

Marked is the container's own mount (FAN_MARK_MOUNT), so that opens of others don't count. No event has a descriptor
(FAN_REPORT_FID), since opening a file can do something: a device, a FIFO. procfs and sysfs have no file handles, and
neither of the two: there each descriptor is closed at once. No process is delayed (FAN_CLASS_NOTIF). A kind of access
that comes often is left out for a minute once it is known.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Callable, Dict, NamedTuple, Optional, Tuple

FEW = 5  # of one kind per second, from which on it is left out if it is known
OFTEN = 200  # of one kind per second, from which on it is left out
QUIET = 60.0  # seconds for which it is left out, if it is known
READ, WRITTEN, EXECUTED = "read", "written", "executed"
# fanotify(7): FAN_CLOEXEC | FAN_NONBLOCK, FAN_REPORT_FID, FAN_MARK_ADD, _REMOVE, _MOUNT, FAN_NOFD
_INIT, _FID, _ADD, _REMOVE, _MOUNT = 0x3, 0x200, 0x1, 0x2, 0x10
_MODIFY, _CLOSE_WRITE, CLOSE_NOWRITE, OPEN, OPEN_EXEC, _ONDIR = 0x2, 0x8, 0x10, 0x20, 0x1000, 0x40000000
KINDS = {READ: OPEN | CLOSE_NOWRITE, WRITTEN: _MODIFY | _CLOSE_WRITE, EXECUTED: OPEN_EXEC}
_EVENT = struct.Struct("=IBBHQii")  # struct fanotify_event_metadata
_EVENTS_SIZE = 1 << 16
_BY_DESCRIPTOR = ("proc", "sysfs")


class Mark(NamedTuple):
    """A marked mount: an O_PATH descriptor of its root, and the group whose events are of it."""

    descriptor: int
    group: int


class Opens:
    """Marks on the mounts at and below one path of the container. Raises OSError: no fanotify here."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.fanotify_init.argtypes = (ctypes.c_uint, ctypes.c_uint)
        arguments = (ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p)
        self._libc.fanotify_mark.argtypes = arguments
        self._groups: Dict[bool, int] = {}
        self._marks: Dict[int, Mark] = {}  # by mount id
        self._quiet: Dict[str, float] = {}  # by kind: until when it is left out
        self._counts: Dict[str, int] = {}
        self._until = 0.0
        self._group(handles=True)

    def mark(self, found: Dict[int, Tuple[int, str]]) -> None:
        """Mark these instead of those before: by mount id a descriptor, which it keeps, and the file system's type.

        Raises OSError: one of them can't be.
        """
        for number in set(self._marks) - set(found):
            gone = self._marks.pop(number)
            self._set(gone, _REMOVE, self._wanted())
            os.close(gone.descriptor)
        why: Optional[OSError] = None
        for number, (descriptor, kind) in found.items():
            if number in self._marks:
                os.close(descriptor)
                continue
            try:
                mark = Mark(descriptor, self._group(handles=kind not in _BY_DESCRIPTOR))
                if not self._set(mark, _ADD, self._wanted()):
                    number_of_error = ctypes.get_errno()
                    raise OSError(number_of_error, os.strerror(number_of_error))
            except OSError as error:
                os.close(descriptor)
                why = error
                continue
            self._marks[number] = mark
        if why is not None:
            raise why

    def take(self, now: float) -> Dict[int, int]:
        """By process, what it did since, as a mask."""
        found: Dict[int, int] = {}
        if now > self._until:
            self._until, self._counts = now + 1, {}
            for kind in [kind for kind, until in self._quiet.items() if now > until]:
                del self._quiet[kind]
                self._set_all(_ADD, KINDS[kind])
        for group in self._groups.values():
            try:
                data = os.read(group, _EVENTS_SIZE)
            except OSError:
                continue
            place = 0
            while place + _EVENT.size <= len(data):
                length, _, _, _, mask, descriptor, pid = _EVENT.unpack_from(data, place)
                place += max(length, _EVENT.size)
                if descriptor >= 0:
                    os.close(descriptor)
                found[pid] = found.get(pid, 0) | mask
                for kind, bits in KINDS.items():
                    if mask & bits:
                        self._counts[kind] = self._counts.get(kind, 0) + 1
        return found

    def limit(self, now: float, known: Callable[[str], bool]) -> None:
        """Leave out what came too often. `known`: whether that kind of access was told of already."""
        for kind, count in self._counts.items():
            # like events are one until they are read, so even a loop is few
            if count > FEW and kind not in self._quiet and (count > OFTEN or known(kind)):
                self._quiet[kind] = now + (QUIET if known(kind) else 1.0)
                self._set_all(_REMOVE, KINDS[kind])

    def close(self) -> None:
        """Close everything; that removes the marks."""
        for each in self._marks.values():
            os.close(each.descriptor)
        for group in self._groups.values():
            os.close(group)
        self._marks, self._groups = {}, {}

    def _group(self, handles: bool) -> int:
        if handles not in self._groups:
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
            group: int = self._libc.fanotify_init(_INIT | (_FID if handles else 0), flags)
            if group < 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
            self._groups[handles] = group
        return self._groups[handles]

    def _wanted(self) -> int:
        mask = _ONDIR
        for kind, bits in KINDS.items():
            mask |= 0 if kind in self._quiet else bits
        return mask

    def _set_all(self, how: int, mask: int) -> None:
        for each in self._marks.values():
            self._set(each, how, mask)

    def _set(self, mark: Mark, how: int, mask: int) -> bool:
        path = b"/proc/self/fd/%d" % mark.descriptor
        done: int = self._libc.fanotify_mark(mark.group, how | _MOUNT, mask, -100, path)
        return done >= 0

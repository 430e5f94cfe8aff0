"""One file out of what an engine's archive call sends: a tar archive, and the head of its answer. Pure, bounded.

Read are the first member and the few that may stand before it (POSIX.1-2017, pax): a name is not asked for, since one
path was. Decided against tarfile: it believes what sparse members say of their size.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from stratascope.core.relaunch.launch_spec import ContainerFile
from stratascope.engines.shared.json_reader import JsonObject, parse_object

STAT = "x-docker-container-path-stat"  # both engines: base64 of JSON, the mode as Go's io/fs.FileMode
OVERHEAD = 64 << 10  # bytes that an archive of one file may have over the file
_STAT_MAX = 16 << 10  # characters
_FOLDER, _LINK, _SPECIAL = 1 << 31, 1 << 27, 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
_BLOCK = 512
_BEFORE_MAX = 4  # members that only say something of the one that follows
_ABOUT = b"xgLK"


def stat_of(head: Mapping[str, str]) -> tuple[int, str]:
    """Mode and, of a link, where it leads. Raises ValueError."""
    text = head.get(STAT, "")
    if not text or len(text) > _STAT_MAX:
        raise ValueError("an archive without a word about what is in it")
    try:
        answer = JsonObject(parse_object(base64.b64decode(text, validate=True).decode()))
    except binascii.Error as error:
        raise ValueError("what is in an archive is not said in base64") from error
    return answer.whole("mode"), answer.text("linkTarget")


def may_hold_file(head: Mapping[str, str]) -> bool:
    """Whether what is sent may be a file or a link; a folder would be sent with all that is in it."""
    try:
        return not stat_of(head)[0] & (_FOLDER | _SPECIAL)
    except ValueError:
        return False


def link_target(head: Mapping[str, str]) -> str:
    """Where the path leads within the container, if it is a link; else empty. Raises ValueError."""
    mode, target = stat_of(head)
    return target if mode & _LINK else ""


def file_in(archive: bytes, path: str) -> ContainerFile | None:
    """The file in it; None where the first member is none (Docker sends a link as a link). Raises ValueError."""
    place = 0
    for _ in range(_BEFORE_MAX + 1):
        head = archive[place : place + _BLOCK]
        if len(head) < _BLOCK or not head.rstrip(b"\0"):
            raise ValueError("an archive that ends before there is a file in it")
        size, kind = _number(head[124:136]), head[156:157]
        place += _BLOCK
        if kind in (b"0", b"\0"):
            if len(archive) - place < size:
                raise ValueError("a file that is shorter than its archive says")
            return ContainerFile(path, _number(head[100:108]) & 0o7777, archive[place : place + size])
        if kind not in (bytes((each,)) for each in _ABOUT):
            return None
        place += -(-size // _BLOCK) * _BLOCK
    raise ValueError("an archive with more about a file than a file")


def _number(field: bytes) -> int:
    """Octal digits, or with the first bit set the bytes of the number itself (GNU)."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    text = field.strip(b" \0")
    if not text.isdigit() and text:
        raise ValueError(f"no number of an archive: {field!r}")
    return int(text or b"0", 8)

"""Programs that give rights to whoever starts them, as the collector lists them (`collector/giving_programs.py`). Pure.

execve(2), capabilities(7).
"""

from __future__ import annotations

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_LINES_MAX = 4096
_KINDS = ("u", "g", "a")


class Access(Value):
    """Owner and mode of a file or folder."""

    uid: int
    gid: int
    mode: int


class GivingProgram(Value):
    """One program; ids as the reader sees them. `known`: which one it is of those that are known to check who asks;
    empty: none; "?": could not be read. `folders`: those on the way to it that are not open to everyone.
    """

    path: str
    access: Access
    permitted: int  # of the file's capabilities, as masks
    inheritable: int
    effective: bool
    root: int  # the root whose user namespaces they hold in; 0: everywhere
    known: str
    folders: tuple[Access, ...]


class Admitted(Value):
    """Whom a program lets in. `kind`: u (a user), g (a group) or a (everyone); id inside. `asked`: after a password."""

    program: str
    kind: str
    id: int
    asked: bool = False


class GivingPrograms(Value):
    """All of a root directory. `writable`: for each program, the files that decide whom it lets in, if not only their
    root may write to them; ids as the reader sees them. `whole`: whether all files were looked at. `inside`: the ids
    are not the reader's, but those inside. `unread`: programs whose rules may not be read by this reader.
    """

    programs: tuple[GivingProgram, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    writable: tuple[tuple[str, Access], ...] = ()
    whole: bool = True
    inside: bool = False
    unread: tuple[str, ...] = ()


def parse_giving(text: str) -> GivingPrograms:
    """Decode the collector's lines. Raises DecodeError."""
    programs: list[GivingProgram] = []
    admitted: list[Admitted] = []
    writable: list[tuple[str, Access]] = []
    unread: set[str] = set()
    whole, inside = True, False
    lines = text.split("\n")
    if len(lines) > _LINES_MAX:
        raise DecodeError(f"{len(lines)} lines")
    for line in lines:
        try:
            if line.startswith("p "):
                programs.append(_program(line))
            elif line.startswith(("r ", "q ")):
                letter, program, kind, number = line.split(" ")
                if kind not in _KINDS:
                    raise ValueError(kind)
                admitted.append(Admitted(program, kind, int(number), letter == "q"))
            elif line.startswith("u "):
                unread.add(line[2:])
            elif line.startswith("w "):
                _, program, uid, gid, mode = line.split(" ")
                writable.append((program, Access(int(uid), int(gid), int(mode, 8))))
            elif line == "...":
                whole = False
            elif line == "inside":
                inside = True
            elif line:
                raise ValueError("no such line")
        except ValueError as error:
            raise DecodeError(f"{line[:80]!r}: {error}") from None
    return GivingPrograms(tuple(programs), tuple(admitted), tuple(writable), whole, inside, tuple(sorted(unread)))


def _program(line: str) -> GivingProgram:
    _, uid, gid, mode, permitted, inheritable, effective, root, known, folders, path = line.split(" ", 10)
    if not path.startswith("/") or effective not in ("0", "1"):
        raise ValueError("no path, or no flag")
    return GivingProgram(
        path,
        Access(int(uid), int(gid), int(mode, 8)),
        int(permitted, 16),
        int(inheritable, 16),
        effective == "1",
        int(root),
        "" if known == "-" else known,
        () if folders == "-" else tuple(map(_access, folders.split(","))),
    )


def _access(text: str) -> Access:
    uid, gid, mode = text.split(":")
    return Access(int(uid), int(gid), int(mode, 8))

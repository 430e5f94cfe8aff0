"""Program files that exist but that the kernel can't run: another architecture, no interpreter line, no loader. Pure.

execve(2): ENOEXEC if no format matches; ENOENT if a script's interpreter or the dynamic linker is missing, the same
error as for a missing program. runc and crun print it to the program's output, and exit with 1 or 255; so the line may
also be the program's own, and is certain only if the file confirms it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from stratascope.core.message import Message, msg
from stratascope.core.refusals.ended.ending import IMAGE, Cause, End
from stratascope.core.refusals.refusal import FILES, Claim, Strength
from stratascope.core.relaunch.launch_spec import ContainerFile
from stratascope.linux.decode import DecodeError
from stratascope.linux.elf import is_elf, machine, parse_elf
from stratascope.value import Value

_LINE_MAX = 256  # bytes of a script's first line that the kernel reads: BINPRM_BUF_SIZE
_BOM = b"\xef\xbb\xbf"
_BITS = {"amd64": "386", "arm64": "arm"}  # 32-bit programs that most such machines run too


class Flaw(StrEnum):
    """What is wrong with the file. The comments say what `Program.detail` is for each."""

    OTHER_MACHINE = "other-machine"  # the architecture that it was built for
    EMPTY = "empty"
    NO_FORMAT = "no-format"  # neither an ELF program nor a script with an interpreter line
    MARKED = "marked"  # a byte order mark precedes its first line
    LINE_END = "line-end"  # its interpreter line ends in a carriage return
    INTERPRETER = "interpreter"  # the interpreter that its first line names
    LOADER = "loader"  # the dynamic linker that it requires
    NOT_EXECUTABLE = "not-executable"


class Program(Value):
    """The program's file. `needs`: another file that it takes to run it, "" for none: the dynamic linker if `binary`
    (an ELF file), else the interpreter.
    """

    path: str
    flaw: Flaw | None = None
    detail: str = ""
    needs: str = ""
    binary: bool = False


def examined(file: ContainerFile, own: str) -> Program:
    """Examine the file alone. `own`: the machine's architecture, as images name it; "": not known. A file too large to
    be read has no known flaw.
    """
    path, data = file.path, file.data
    if data is None:
        return Program(path)
    if not file.mode & 0o111:
        return Program(path, Flaw.NOT_EXECUTABLE)
    if not data:
        return Program(path, Flaw.EMPTY)
    if is_elf(data):
        return _binary(path, data, own)
    if data.startswith(b"#!"):
        return _script(path, data)
    return Program(path, Flaw.MARKED if data.startswith(_BOM + b"#!") else Flaw.NO_FORMAT)


def _binary(path: str, data: bytes, own: str) -> Program:
    try:
        other = machine(data)
    except DecodeError:
        return Program(path, Flaw.NO_FORMAT)
    if own and other not in (own, _BITS.get(own)):
        return Program(path, Flaw.OTHER_MACHINE, other)
    try:
        interpreter = parse_elf(data).interpreter
    except DecodeError:
        return Program(path)
    return Program(path, needs=interpreter, binary=True)


def _script(path: str, data: bytes) -> Program:
    line = data[2:_LINE_MAX].partition(b"\n")[0].lstrip(b" \t")
    interpreter = line.split(b" ")[0].split(b"\t")[0].decode("utf-8", "surrogateescape")
    if line.endswith(b"\r"):
        return Program(path, Flaw.LINE_END, interpreter.rstrip("\r"))
    return Program(path, needs=interpreter)


_LAST = 3  # lines of the log
_FORMAT, _MISSING, _DENIED = "exec format error", "no such file or directory", "permission denied"
_LINE = re.compile(
    r"exec(?: container process(?: \(missing dynamic library\?\))?)? [`'\"]?(?P<path>/[^`'\":]+)[`'\"]?: "
    rf"(?P<why>{_FORMAT}|{_MISSING}|{_DENIED})",
    re.IGNORECASE,
)
_WORDS = re.compile(r"exec format error|exec: |executable|is not a regular file", re.IGNORECASE)


def concerns(words: str, lines: Sequence[str]) -> bool:
    """Whether the engine's message or the log suggest examining the program's file."""
    return _WORDS.search(words) is not None or bool(named(lines))


def named(lines: Sequence[str]) -> str:
    """The path that the runtime reports as not runnable in the log's last lines; "" if there is none."""
    return next((match["path"] for line in reversed(lines[-_LAST:]) if (match := _LINE.search(line))), "")


def failed(lines: Sequence[str], program: Program | None, end: End) -> Cause | None:
    """The cause by the log's last lines; None if they do not mention one."""
    for line in reversed(lines[-_LAST:]):
        match = _LINE.search(line)
        if match is None:
            continue
        claim = None if program is None or program.path != match["path"] else by_file(program, end)
        if claim is not None:
            return Cause(claim, msg("The runtime says so in its log, and the file agrees."), line)
        layer, what = _by_words(match["path"], match["why"].lower(), end)
        return Cause(Claim(layer, what, Strength.LEFT), msg("The last line of its log points to it."), line)
    return None


def by_file(program: Program, end: End) -> Claim | None:
    """The claim by the file; None if nothing is wrong with it."""
    match program.flaw:
        case Flaw.OTHER_MACHINE:
            what = msg("{path} is built for another machine type: {other}, but this machine is {own}. Use the image "
                       "for this platform.", path=program.path, other=program.detail, own=end.machine)  # fmt: skip
        case Flaw.EMPTY:
            what = msg("{path} is empty, so there is nothing to run.", path=program.path)
        case Flaw.NO_FORMAT:
            what = msg("{path} is neither a binary nor a script with an interpreter line. Start it with a line such "
                       "as #!/bin/sh.", path=program.path)  # fmt: skip
        case Flaw.MARKED:
            what = msg("{path} starts with a byte order mark, so the kernel does not recognise its first line (#!). "
                       "Save it without one.", path=program.path)  # fmt: skip
        case Flaw.LINE_END:
            what = msg("{path} has Windows line endings (CRLF), so the kernel looks for {other} with a carriage "
                       "return in its name. Convert it (dos2unix).", path=program.path,
                       other=program.detail)  # fmt: skip
        case Flaw.INTERPRETER:
            what = msg("{path} names {other} as its interpreter, which is not in the image.", path=program.path,
                       other=program.detail)  # fmt: skip
        case Flaw.LOADER:
            what = msg("{path} needs the dynamic linker {other}, which is not in the image: it was built for another "
                       "system (glibc, musl). Link it statically, or build it on the same base.", path=program.path,
                       other=program.detail)  # fmt: skip
        case Flaw.NOT_EXECUTABLE:
            what = msg("{path} has no execute permission. Add it: chmod +x.", path=program.path)
            return Claim(FILES, what, Strength.SAID)
        case _:
            return None
    return Claim(IMAGE, what, Strength.SAID)


def _by_words(path: str, why: str, end: End) -> tuple[str, Message]:
    other = end.platform.partition("/")[2]
    if why == _FORMAT and other and end.machine and other != end.machine:
        return IMAGE, msg("Its image is built for {other}, but this machine is {own}. Use the image for this platform.",
                          other=end.platform, own=end.machine)  # fmt: skip
    if why == _FORMAT:
        return IMAGE, msg(
            "{path} is built for another machine type, or is a script without an interpreter line (#!).", path=path
        )
    if why == _DENIED:
        return FILES, msg("{path} can't be executed: it lacks execute permission (chmod +x), is out of reach for its "
                          "user, or is on a noexec mount.", path=path)  # fmt: skip
    return IMAGE, msg("{path} exists, but what it needs to run does not: its interpreter or its dynamic linker is "
                      "missing, or its first line ends with a carriage return (CRLF).", path=path)  # fmt: skip

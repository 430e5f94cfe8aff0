"""A program that was found, and that the kernel did not run: another machine's, no first line, a missing loader. Pure.

execve(2): ENOEXEC where no format fits, ENOENT where the interpreter of a script or the dynamic linker is missing, by
the same words as where the program itself is. runc and crun print that where the program would have printed, and end
with 1 or 255; so it may be the program's own line, and is certain only where the file agrees.
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

_LINE_MAX = 256  # bytes that the kernel reads of a script's first line: BINPRM_BUF_SIZE
_BOM = b"\xef\xbb\xbf"
_BITS = {"amd64": "386", "arm64": "arm"}  # what it mostly runs too


class Flaw(StrEnum):
    """What is wrong with the file. `detail` of each is named beside it."""

    OTHER_MACHINE = "other-machine"  # the machine that it was made for
    EMPTY = "empty"
    NO_FORMAT = "no-format"  # neither a program nor a script with a first line
    MARKED = "marked"  # a byte order mark precedes its first line
    LINE_END = "line-end"  # its interpreter line ends in a carriage return
    INTERPRETER = "interpreter"  # the interpreter that its first line names
    LOADER = "loader"  # the dynamic linker that it asks for
    NOT_EXECUTABLE = "not-executable"


class Program(Value):
    """The file that was to be run. `needs`: another file that the kernel wants for it, "" for none; `binary`: an ELF
    file, whose dynamic linker that is.
    """

    path: str
    flaw: Flaw | None = None
    detail: str = ""
    needs: str = ""
    binary: bool = False


def examined(file: ContainerFile, own: str) -> Program:
    """What can be told of the file alone. `own`: the machine that it should run on, in the words of images; "": not
    known. A file too large to be read has no flaw that we know.
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
    """Whether it is worth looking at the program's file."""
    return _WORDS.search(words) is not None or bool(named(lines))


def named(lines: Sequence[str]) -> str:
    """The path of which the runtime says in the log's last lines that it could not be run; "" where it says no such."""
    return next((match["path"] for line in reversed(lines[-_LAST:]) if (match := _LINE.search(line))), "")


def failed(lines: Sequence[str], program: Program | None, end: End) -> Cause | None:
    """By the log's last lines; None where they say nothing of it."""
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
    """What the file says; None where nothing is wrong with it."""
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

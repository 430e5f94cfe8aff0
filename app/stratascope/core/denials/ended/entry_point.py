"""Why the kernel did not run a program, by the file itself: another machine's, no first line, a missing loader. Pure.

execve(2): ENOEXEC where no format fits, ENOENT where the interpreter of a script or the dynamic linker is missing, by
the same words as where the program itself is.
"""

from __future__ import annotations

from enum import StrEnum

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
    MARKED = "marked"  # a byte order mark stands before its first line
    LINE_END = "line-end"  # the interpreter, in whose line a carriage return stands at the end
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

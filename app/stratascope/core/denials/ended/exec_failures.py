"""A program that was found, and that the kernel did not run: by the runtime's last word in the log, and by its file.

runc and crun print it where the program would have printed, and end with 1 or 255; so it may be the program's own line,
and is certain only where the file agrees. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stratascope.core.denials.denial import FILES, Claim, Strength
from stratascope.core.denials.ended.end import End
from stratascope.core.denials.ended.ending import IMAGE, Cause
from stratascope.core.denials.ended.entry_point import Flaw, Program
from stratascope.core.message import Message, msg

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

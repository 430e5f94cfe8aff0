"""Lines of a program's configuration that have it do what only root can, so that it does not start as another user.

They are looked for where the container's command names a file, and where programs of that name keep theirs. What is
found is text that a container controls: it is shown, and nothing else is done with it.
"""

from __future__ import annotations

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator

from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import RefusedCall
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.sanitize import plain
from stratascope.usecases.engine_access import EngineAccess
from stratascope.value import Value

_FILES, _LINES = 16, 4
_SIZE = 256 << 10  # bytes of one file
_LENGTH = 120  # characters of a line that are shown
_PATHS = re.compile(r"(?:(?<![\w.-])|(?<=\s-\w))/[\w.+/-]+")  # also as in `-f/etc/web.conf`
_NAME = re.compile(r"[\w.+-]{1,64}").fullmatch
_WORD = re.compile(r"\s*-{0,2}([A-Za-z][\w-]*)[\s:=]+\S")
_IDENTITY = frozenset(
    ("cache_effective_group", "cache_effective_user", "gid", "group", "groupname", "run-as", "run_as", "runas",
     "setgid", "setuid", "uid", "user", "username")
)  # fmt: skip
_CHANGES_ROOT = frozenset(("chroot",))


class Line(Value):
    """One line of a file in the container. `number`: from 1."""

    path: str
    number: int
    text: str

    @property
    def told(self) -> str:
        """For reading: `/etc/haproxy/haproxy.cfg:2: chroot /var/lib/haproxy`."""
        return f"{plain(self.path, 200)}:{self.number}: {plain(self.text.strip(), _LENGTH)}"


def lines_of(access: EngineAccess, subject: Subject, refused: Iterable[RefusedCall]) -> tuple[Line, ...]:
    """Those that ask for one of these calls. Raises EngineError."""
    refused = tuple(refused)
    named = (posixpath.normpath(path) for path in _PATHS.findall(subject.container.command))
    usual = (
        path
        for name in dict.fromkeys(each.by for each in refused if _NAME(each.by))
        for path in (f"/etc/{name}/{name}.cfg", f"/etc/{name}/{name}.conf", f"/etc/{name}.conf", f"/etc/{name}.cfg")
    )
    for places in (named, usual):  # the second only where the first say nothing
        found: list[Line] = []
        for path in itertools.islice(dict.fromkeys(places), _FILES):
            answer = access.file_inside(subject.container.id, path, _SIZE)
            file = None if answer is None else answer[0]
            if file is not None and file.data is not None and b"\0" not in file.data:
                text = file.data.decode("utf-8", "replace")
                found += (Line(path, number, line) for number, line in _asking(text, refused))
        if found:
            return tuple(found[:_LINES])
    return ()


def _asking(text: str, refused: tuple[RefusedCall, ...]) -> Iterator[tuple[int, str]]:
    roots = [each for each in refused if each.name == "chroot"]
    others = len(roots) < len(refused)
    for number, line in enumerate(text.splitlines(), 1):
        found = _WORD.match(line)
        word = "" if found is None else found[1].lower()
        if (word in _CHANGES_ROOT and any(each.path in line for each in roots)) or (word in _IDENTITY and others):
            yield number, line


def told(user: str, lines: tuple[Line, ...], why: Message | None) -> Message:
    """Why it still starts as root, though it becomes that user."""
    if lines:
        return msg("It could start as user {user} without what only root can do. Delete this, and try again: {lines}",
                   user=user, lines="; ".join(line.told for line in lines))  # fmt: skip
    if why is None:
        return msg("As user {user} it does not work.", user=user)
    return msg("As user {user} it does not work: {why}", user=user, why=why)

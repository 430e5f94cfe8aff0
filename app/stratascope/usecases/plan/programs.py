"""Which programs a container runs, and what they import: read by its engine's archive call, or by root.

Examined are the program that it was started with, those that its processes are named after, what a start script hands
over to, programs that these name as their own (OpenSSH's sshd-session), and those that give rights to whoever logs in
or tells a server what to do. Names are searched in a shell's usual path; the engine follows symlinks, inside the
container. Files, bytes and time are bounded, and the result says if it is incomplete.

Cached per image, except for files in a container's own layer or on its mounts, and what root reads below
/proc/PID/root instead (`EngineAccess.file_inside`), where Podman takes 0.1 to 0.4 s to send a file.

For this call Docker mounts everything anew, and creates missing host folders of bind mounts (moby,
daemon/archive_unix.go): nothing is asked if one may be missing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from stratascope.bounded_cache import Kept
from stratascope.core.container import Container, ProfileKind
from stratascope.core.observation.imports import (
    OF_SERVERS,
    RIGHTS_AFTER_LOGIN,
    Program,
    Programs,
    called_by_scripts,
    calls_for_rights,
    interpreter,
    logs_in,
    meaning,
)
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.options.rules import rules_of
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import ContainerFile, FileChange
from stratascope.layers.shared.known_tools import Purpose, names_of
from stratascope.linux.decode import DecodeError
from stratascope.linux.elf import Elf, is_elf, parse_elf, programs_named
from stratascope.usecases.engine_access import EngineAccess
from stratascope.value import Value, replace

SECONDS = 5.0  # for everything; an engine takes 10 to 200 ms per file
FILE_MAX, ALL_MAX = 32 << 20, 96 << 20  # bytes per file, and in total per container
PROGRAMS_MAX, HELPERS_MAX, LIBRARIES_MAX, WORDS_MAX = 12, 6, 8, 4  # of a container, program, program, command
NAMES_MAX, SCRIPT_NAMES_MAX = 64, 400  # of programs named in a program, and of words in a script
_SCRIPT_MAX = 64 << 10  # bytes of a script that are read
_NAME_BYTES = 90  # memory per name, approximately
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}").fullmatch
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_HANDED = re.compile(r"\bexec\s+([^\n;&|]{1,400})")
_COMMENT = re.compile(r"(?m)^\s*#.*$")
_HELPER = re.compile(r"/usr/lib(?:exec)?/(?!debug/|x86_64-|aarch64-)[^/]+(?:/[^/]+){0,2}/[a-z][a-z0-9_-]*").fullmatch
_SYSTEM = re.compile(r"(?:/usr|/usr/local)?/lib(?:32|64|x32)?(?:/[a-z0-9_]+-linux-[a-z0-9_]+)?/?").fullmatch
_GIVES = 0o6000  # set-uid and set-gid
_COMM_MAX = 15  # characters of a process's name, TASK_COMM_LEN


class _OverError(Exception):
    """The limit of bytes or time is reached."""


class _Found(Value):
    """A file that was read: the program, its path, its permission bits, the helpers it names and what it
    hands over to.
    """

    program: Program
    place: str
    mode: int = 0
    elf: Elf | None = None
    helpers: tuple[str, ...] = ()
    handed: tuple[str, ...] = ()


# By engine, image and path; a 1-tuple of None if the image has no file there
_known: Kept[tuple[str, str, str], tuple[_Found | None]] = Kept()


def may_look(access: EngineAccess, container: Container) -> bool:
    """Whether files of it can be requested without the engine creating a folder on the host."""
    binds = [mount.source for mount in container.asked.mounts if mount.kind == "bind"]
    return not rules_of(access.engine).makes_sources or all(access.host.exists(source) for source in binds)


def programs_of(access: EngineAccess, container: Container, changes: Sequence[FileChange] | None) -> Programs | None:
    """None if nothing could be asked. `changes`: what the container wrote, None: not known. Raises nothing that an
    engine can cause.
    """
    if not may_look(access, container):
        return None
    looking = _Looking(access.moment(), container, changes)
    whole = True
    try:
        looking.started()
        looking.running()
        looking.rights()
        looking.parting()
    except (_OverError, EngineError, NoSuchContainerError):
        whole = False
    found = tuple(looking.programs.values())
    return Programs(found, tuple(looking.set_uid), tuple(looking.installed), whole) if found else None


class _Looking:
    """One container's programs, as far as they were read."""

    def __init__(self, access: EngineAccess, container: Container, changes: Sequence[FileChange] | None) -> None:
        self.programs: dict[str, Program] = {}
        self.set_uid: list[str] = []
        self.installed: list[str] = []
        self._access, self._container = access, container
        self._until = access.clock.now() + SECONDS
        self._left = ALL_MAX
        self._own = None if changes is None else tuple(change.path for change in changes)

    def started(self) -> None:
        """From the command: its first word, and the following ones while each only runs what comes next."""
        with suppress(ValueError):
            words = shlex.split(self._container.command)
            self._follow(words)

    def running(self) -> None:
        """From the names of its processes."""
        for kind in sorted(self._access.all_processes(self._container.id) or (), key=str):
            if kind.name not in {program.name[:_COMM_MAX] for program in self.programs.values()}:
                self._take(kind.name)

    def rights(self) -> None:
        """Programs that give rights: for whoever logs in, for scripts, and those by which a server is controlled."""
        programs = tuple(self.programs.values())
        people: tuple[str, ...] = RIGHTS_AFTER_LOGIN if any(map(logs_in, programs)) else ()
        if not people and not starts_as_root(self._container.asked) and any(program.opaque for program in programs):
            people = tuple(filter(called_by_scripts, RIGHTS_AFTER_LOGIN))
        for name in (*people, *(name for name in OF_SERVERS if calls_for_rights(programs, name))):
            found = self._search(name)
            if found is not None and found.mode & _GIVES:
                self.set_uid.append(found.place)

    def parting(self) -> None:
        """What makes namespaces for parts of itself, which is why people switch the filter off."""
        asked = self._container.asked
        if asked.seccomp is ProfileKind.UNCONFINED and not asked.privileged:
            names = names_of(Purpose.OWN_NAMESPACES)
            self.installed += [name for name in names if self._file(f"/usr/bin/{name}") is not None]

    def _follow(self, words: Sequence[str]) -> None:
        for place, word in enumerate(words):
            if place >= WORDS_MAX and len(self.programs) > 0:
                return
            if place and words[place - 1] == "-c":  # of a shell
                self._script(word)
                return
            if word.startswith("-") or "=" in word:
                continue
            found = self._take(word)
            if found is not None and not found.program.opaque:
                return

    def _script(self, text: str) -> None:
        program = _script("sh -c", text)
        self.programs.setdefault(program.path, program)
        for word in _handed(text):
            self._take(word)

    def _take(self, word: str) -> _Found | None:
        """A program by its name or path, with everything that belongs to it."""
        found = self._search(word)
        if found is None or found.place in self.programs or len(self.programs) >= PROGRAMS_MAX:
            return found
        self.programs[found.place] = found.program  # kept even if time runs out for the rest
        if found.elf is not None and not found.program.opaque:
            self.programs[found.place] = self._with_own_libraries(found, found.elf)
        for path in found.helpers:
            helper = self._search(path) if len(self.programs) < PROGRAMS_MAX else None
            if helper is not None:
                self.programs.setdefault(helper.place, helper.program)
        for word in found.handed:
            if not interpreter(word):
                self._take(word)
        return found

    def _with_own_libraries(self, of: _Found, elf: Elf) -> Program:
        imports = set(of.program.imports)
        for path in tuple(_own_libraries(of.place, elf))[:LIBRARIES_MAX]:
            found = self._file(path)
            if found is not None:
                imports |= set(found.program.imports)
        return replace(of.program, imports=tuple(sorted(imports)))

    def _search(self, word: str) -> _Found | None:
        if word.startswith("/"):
            return self._file(word)
        if not _NAME(word):
            return None
        return next((found for folder in _PATH if (found := self._file(f"{folder}/{word}")) is not None), None)

    def _file(self, path: str) -> _Found | None:
        """Raises _OverError, EngineError, NoSuchContainerError."""
        key = (self._access.engine.id, self._container.image_id, path)
        shared = bool(self._container.image_id) and self._of_image(path)
        kept = _known.get(key) if shared else None
        if kept is not None:
            return kept[0]
        seconds = self._until - self._access.clock.now()
        if seconds <= 0 or self._left <= 0:
            raise _OverError
        number, most = self._container.id, min(FILE_MAX, self._left)
        here = self._access.file_inside(number, path, most)
        try:
            file = self._access.port.file(number, path, most, seconds) if here is None else here[0]
        except RefusedError:  # a symlink loop, or a name that is too long
            return None
        self._left -= len(file.data or b"") if file is not None else 0
        found = None if file is None else _looked_at(path, file)
        if shared and here is None:  # its own processes may see other files than the image has
            _known.put(key, (found,), 0 if found is None else _names(found.program) * _NAME_BYTES)
        return found

    def _of_image(self, path: str) -> bool:
        """Whether all containers of the image have the same file there."""
        mounts = (mount.target.rstrip("/") for mount in self._container.asked.mounts)
        return self._own is not None and path not in self._own and not any(path.startswith(f"{at}/") for at in mounts)


def _names(program: Program) -> int:
    return len(program.imports) + len(program.names) + len(program.linked)


def _looked_at(path: str, file: ContainerFile) -> _Found:
    if file.data is None:
        return _Found(Program(path, opaque=True), file.path, file.mode)
    if not is_elf(file.data):
        text = file.data[:_SCRIPT_MAX].decode("utf-8", "replace")
        program = _script(path, text if text.startswith("#!") else "")
        return _Found(program, file.path, file.mode, handed=_handed(text) if text.startswith("#!") else ())
    try:
        elf = parse_elf(file.data)
    except DecodeError:
        return _Found(Program(path, opaque=True), file.path, file.mode)
    opaque = interpreter(path) or interpreter(file.path) or elf.static or elf.go
    named = programs_named(file.data, NAMES_MAX)
    helpers = () if opaque else tuple(path for path in named if _HELPER(path))[:HELPERS_MAX]
    names = tuple(dict.fromkeys(path.rpartition("/")[2] for path in named))
    program = Program(path, elf.imports, names=names, opaque=opaque, linked=elf.linked)
    return _Found(program, file.path, file.mode, elf, helpers)


def _script(path: str, text: str) -> Program:
    words = dict.fromkeys(_WORD.findall(_COMMENT.sub("", text)))
    names = tuple(islice(words, SCRIPT_NAMES_MAX))
    return Program(path, commands=tuple(filter(meaning, words)), names=names, opaque=True, script=bool(text))


def _handed(text: str) -> tuple[str, ...]:
    """What a script becomes in the end: the words of its `exec`, including those after a wrapper (gosu app nginx)."""
    words = (word for line in _HANDED.findall(_COMMENT.sub("", text)) for word in line.split())
    return tuple(dict.fromkeys(word for word in words if word.startswith("/") or _NAME(word)))[:WORDS_MAX]


def _own_libraries(path: str, elf: Elf) -> Iterator[str]:
    """Libraries in folders of the program's own."""
    for name in elf.needed:
        if "/" in name:
            continue
        for folder in elf.folders:
            place = folder.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", path.rpartition("/")[0])
            if place.startswith("/") and ".." not in place and not _SYSTEM(place):
                yield f"{place.rstrip('/')}/{name}"

"""What a process has of the machine's credentials, private files and sockets (`reach_places`): never a byte of content.

The host's files are found first, as the reader sees them: names in folders, with links followed. Then for each the
places at which the process could have the very same file: where one of its mounts shows that part of its file system
(mountinfo's root and device), or an overlay has the folder as a layer, and its own path. Layers may be named by what
only their maker had (a descriptor, a path of its own): below such an overlay every end of the path is a place. Each
place is walked from the process's root directory one name at a time, without following links; owners, modes and ACLs of
the folders on the way and of the file are told, and whether it is that file: device and inode; through an overlay size
and time, and of a folder what lies in it, since an overlay's topmost folder has the times of the layer that is written
to.

Where a file system may not answer (FUSE), or a folder can't be passed by the reader, that is told instead; who may not
look below /proc/PID/root gets what the list of mounts says. All of it is bounded in files, places, time and depth.

The answer is JSON: `files`: a list of [id, path, kind, owner and mode, places]; kind is f, s or d, `d?` for a folder
that the reader can't list and `d…` for one of which some names were left out. A place is [path, state, read-only, way,
owner and mode]: `same`; `barred` where the reader could go no further (way ends with the folder that barred it);
`unseen` where only mounts tell; `lower` for a folder that an overlay shows while what is written there lands in another
one; `held` where it has the file open for reading; `own` for another file at the same path; `part` for a mount of what
lies below a folder (`d`). `cut`: the kinds of which something was left out; `seen`: whether the process's files could
be looked at.
`bridges`: sockets that lead on, as `bridges` has them, each with the id of the kind of socket that it leads to, or "".
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from contextlib import suppress
from errno import EACCES, ELOOP, ENOENT, ENOTDIR, EPERM, EXDEV
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.bound_files import permissions_of
from stratascope.collector.bridges import Bridges, serves
from stratascope.collector.chroot import Files
from stratascope.collector.names import REACH
from stratascope.collector.paths import Mount, Sight, mount_of, reopen, silent, unescaped
from stratascope.collector.reach_places import FILES, PUBLIC
from stratascope.collector.read import Entry, TooLongError, failure, fields_of, read_file

SECONDS = 0.6  # of wall time, for files
LISTED_MAX = 2000  # names looked at in one folder
FOUND_MAX = 24  # files told of one pattern
SHOWN_MAX = 16  # of a folder, files by which it is known
FILES_MAX = 1500
CANDIDATES_MAX = 48  # places that are looked at, and those of them that are told
PLACES_MAX = 6
PARTS_MAX = 16
HOMES_MAX = 32
DEPTH_MAX = 40
DESCRIPTORS_MAX = 256  # of the process
BRIDGE = "bridge"  # the kind of sockets that `bridges` found
RIGHTS = {"home": "rw", "system": "w"}  # of folders, what is asked
_USERS = 1000  # the first uid of people, login.defs(5)
_NOBODY = 65534
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK
_PLACE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OVERLAYS = ("overlay",)
_LAYER = re.compile(r"(?:^|,)(lowerdir|upperdir)\+?=((?:\\.|[^,\\])*)").finditer


class _Host(NamedTuple):
    """A file of the host: its path with links resolved, and where it lies in its file system."""

    path: str
    about: os.stat_result
    device: str
    inside: str  # path in its file system
    permissions: str


class _Line(NamedTuple):
    """A mount of the process."""

    number: int
    device: str
    root: str
    target: str
    read_only: bool
    kind: str
    layers: Tuple[str, ...]

    @property
    def layered(self) -> bool:
        """Whether its files are those of other file systems."""
        return self.kind in _OVERLAYS


def homes() -> List[Tuple[int, str]]:
    """Uid and home directory of whose files are looked for: the reader's own, and where it is root, all people's."""
    own = os.geteuid()
    found = [(own, os.environ.get("HOME", ""))]
    try:
        text = read_file("/etc/passwd")
    except (OSError, TooLongError):
        text = ""
    for line in text.split("\n"):
        words = line.split(":")
        if len(words) < 7 or not words[2].isdigit():
            continue
        uid = int(words[2])
        if uid == own or (own == 0 and _USERS <= uid != _NOBODY and not words[6].endswith(("/nologin", "/false"))):
            found.append((uid, words[5]))
    whole = [(uid, home.rstrip("/")) for uid, home in found if home.startswith("/") and home.rstrip("/")]
    return list(dict.fromkeys(whole))[:HOMES_MAX]


def read_reach(process: Files) -> Entry:
    """REACH of this process. Only call it in a child: it may still block, on an overlay over a FUSE."""
    source = "/proc/%d/root" % process.pid
    try:
        looking = _Looking(process)
        found = [item for kind in FILES for item in looking.kind(kind.id, kind.what, kind.paths)]
        known = {item[1]: item[0] for item in found if item[2] == "s"}
        bridges = [each for each in Bridges(process.pid).read() if each[0] not in known]
        found += looking.kind(
            BRIDGE, "s", tuple(each[0] for each in bridges if each[1] == "unix" and each[0][:1] == "/")
        )
        told = [[*each, known.get(re.sub("^/var/run/", "/run/", each[3]), "") or serves(each)] for each in bridges]
        told = [each for each in told if each[1] != "held" or each[-1]]
        answer = {"files": found, "cut": sorted(looking.cut), "seen": looking.seen, "bridges": told}
        text = json.dumps(answer, separators=(",", ":"))
    except OSError as error:
        return failure(REACH, source, error)
    return (REACH, source, text)


class Candidate(NamedTuple):
    """A file of the host, and where the process could have it. `right`: r, w, or c for connecting to a socket."""

    id: str
    path: str
    right: str
    about: os.stat_result
    places: List[str]
    seen: List[os.stat_result]  # what was found to be it, through overlays

    def is_it(self, about: os.stat_result) -> bool:
        """Whether that is this file; an overlay's are of another device, and are known by size and time."""
        one, other = self.about, about
        if any(os.path.samestat(each, about) for each in (one, *self.seen)):
            return True
        if one.st_dev == other.st_dev or not stat.S_ISREG(one.st_mode) or not stat.S_ISREG(other.st_mode):
            return False
        return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def candidates(process: Files) -> List[Candidate]:
    """All files of the host, each once for each right that is asked about."""
    looking = _Candidates(process)
    for kind in FILES:
        looking.kind(kind.id, kind.what, kind.paths)
    return looking.found


class _Looking:
    """One look at the host's files and at those of one process."""

    def __init__(self, process: Files) -> None:
        self.cut: Set[str] = set()
        self.silent: Set[str] = set()  # places of the process that may not answer
        self._shorter: Dict[str, List[Any]] = {}  # places again, from a folder that it holds open
        self.there: Dict[str, os.stat_result] = {}  # what lies at its places
        self._until = time.monotonic() + SECONDS
        self._left = FILES_MAX
        self._sight = Sight()
        own = read_file("/proc/self/mountinfo")
        self._own = {line.number: line for line in _lines(own)}
        self._theirs = _lines(process.mountinfo)
        self._by_number = {line.number: line for line in self._theirs}
        self._held = self._opened(process.directory)
        self._of_others: Dict[int, bool] = {}  # overlays by their numbers
        self._homes = homes()
        self._known: Dict[str, Any] = {}
        try:
            self._root: Optional[int] = process.open()
        except OSError:
            self._root = None
        self.seen = self._root is not None
        self._runs = _run_folders(self._homes)

    def kind(self, name: str, what: str, patterns: Tuple[str, ...]) -> List[Any]:
        """All of one kind, as lists."""
        found = []
        for pattern in patterns:
            for path in self._expanded(pattern):
                found += self._matching(name, what, path)
        return found

    def _expanded(self, pattern: str) -> List[str]:
        if pattern == "~" or pattern.startswith("~/"):
            return [home + pattern[1:] for _, home in self._homes]
        if pattern.startswith("$RUN/"):
            return [run + pattern[4:] for run in self._runs]
        return [pattern]

    def _spent(self, name: str) -> bool:
        spent = self._left <= 0 or time.monotonic() > self._until
        if spent:
            self.cut.add(name)
        return spent

    def _matching(self, name: str, what: str, pattern: str) -> List[Any]:
        """The host's files of one pattern, each with its places."""
        head, star, _ = pattern.partition("*")
        if not star:
            return self._file(name, what, pattern)
        folder = head.rpartition("/")[0] or "/"
        parts = [part for part in pattern[len(folder) :].split("/") if part]
        return self._below(name, what, folder, parts)

    def _below(self, name: str, what: str, folder: str, parts: List[str]) -> List[Any]:
        if self._spent(name):
            return []
        if "*" not in parts[0]:
            path = "%s/%s" % (folder.rstrip("/"), parts[0])
            return self._below(name, what, path, parts[1:]) if parts[1:] else self._file(name, what, path)
        names, state = self._listed(folder)
        found: List[Any] = [] if state is None else self._file(name, state, folder)
        told = 0
        for each in names:
            if not fnmatchcase(each, parts[0]) or (what == "f" and any(fnmatchcase(each, known) for known in PUBLIC)):
                continue
            path = "%s/%s" % (folder.rstrip("/"), each)
            more = self._below(name, what, path, parts[1:]) if parts[1:] else self._file(name, what, path)
            told += bool(more)
            found += more
            if told >= FOUND_MAX:
                return found + self._file(name, "d\u2026", folder)
        return found

    def _listed(self, folder: str) -> Tuple[List[str], Optional[str]]:
        """The names in a folder of the host, and how it is told itself where that is not all of them."""
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._names(folder)
        names, state = known
        return names, state

    def _names(self, folder: str) -> Tuple[List[str], Optional[str]]:
        try:
            place = self._sight.answering(folder)
        except OSError as error:
            return [], ("d?" if error.errno in (EACCES, EPERM) else None)
        try:
            opened = reopen(place, _FOLDER)
        except OSError as error:
            return [], ("d?" if error.errno in (EACCES, EPERM) else None)
        finally:
            os.close(place)
        names: List[str] = []
        try:
            with os.scandir(opened) as items:
                for item in items:
                    if len(names) >= LISTED_MAX:
                        return sorted(names), "d\u2026"
                    names.append(item.name)
        except OSError:
            pass
        finally:
            os.close(opened)
        return sorted(names), None

    def _file(self, name: str, what: str, path: str) -> List[Any]:
        """One file of the host, if it is there and of that kind."""
        if self._spent(name):
            return []
        kind = what[0]
        host, barred = self._host(path, kind)
        if host is None:
            return [] if barred is None else self._folder_instead(name, barred)
        self._left -= 1
        return self._told(name, what, path, host)

    def _told(self, name: str, what: str, path: str, host: _Host) -> List[Any]:
        places = self._places(host, path)
        if what == "d":
            places += self._parts(host)
        link = self._held.get((host.about.st_dev, host.about.st_ino)) if what == "f" else None
        if link is not None:
            places.append(["/proc/self/" + link, "held", False, [], host.permissions])
        return [[name, path, what, host.permissions, places]]

    def _opened(self, directory: int) -> Dict[Tuple[int, int], str]:
        """Where it has open, by device and inode, files for reading, of which nobody is asked again, and folders, which
        it begins at: `fd/N` or `cwd`.
        """
        found: Dict[Tuple[int, int], str] = {}
        with suppress(OSError):
            folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            try:
                names = os.listdir(folder)[:DESCRIPTORS_MAX]
            finally:
                os.close(folder)
            for link in ("cwd", *("fd/" + name for name in names)):
                with suppress(OSError, TooLongError, ValueError, KeyError):
                    place = os.open(link, os.O_PATH | os.O_CLOEXEC, dir_fd=directory)
                    try:
                        number = mount_of(place) or 0
                        line = self._by_number.get(number) or self._own.get(number)
                        if line is not None and not Mount(line.number, line.device, line.kind).may_be_silent:
                            about = os.fstat(place)
                            readable = stat.S_ISREG(about.st_mode) and _is_readable(directory, link)
                            if readable or stat.S_ISDIR(about.st_mode):
                                found.setdefault((about.st_dev, about.st_ino), link)
                    finally:
                        os.close(place)
        return found

    def _places(self, host: _Host, path: str) -> List[List[Any]]:
        """The first places at which something lies."""
        found = (self._place(host, place) for place in self._candidates(host, path)[:CANDIDATES_MAX])
        places = list(islice((place for place in found if place is not None), PLACES_MAX))
        return places + [self._shorter[place[0]] for place in places if place[0] in self._shorter]

    def _folder_instead(self, name: str, path: str) -> List[Any]:
        """The folder that barred the reader stands for what may lie in it."""
        key = "%s %s" % (name, path)
        if key in self._known:
            return []
        self._known[key] = True
        return self._file(name, "d?", path)

    def _host(self, path: str, kind: str) -> Tuple[Optional[_Host], Optional[str]]:
        """The host's file, or the folder that keeps the reader from it."""
        try:
            place = self._sight.answering(path)
        except OSError as error:
            return None, self._barring(path) if error.errno in (EACCES, EPERM) else None
        try:
            about = os.fstat(place)
            is_kind = {"f": stat.S_ISREG, "s": stat.S_ISSOCK, "d": stat.S_ISDIR}[kind]
            line = self._own.get(mount_of(place) or 0)
            real = os.readlink("/proc/self/fd/%d" % place)
            inside = None if line is None else _inside(line, real)
            if not is_kind(about.st_mode) or line is None or inside is None:
                return None, None
            return _Host(real, about, line.device, inside, permissions_of(about, place)), None
        except OSError:
            return None, None
        finally:
            os.close(place)

    def _barring(self, path: str) -> Optional[str]:
        """The deepest folder on the way that the reader can still look at."""
        while "/" in path.strip("/"):
            path = path.rpartition("/")[0]
            try:
                place = self._sight.answering(path)
            except OSError:
                continue
            os.close(place)
            return path
        return None

    def _candidates(self, host: _Host, path: str) -> List[Tuple[str, bool]]:
        """Where the process could have it, nearest its own path first; and whether a mount says so."""
        found: Dict[str, bool] = {}
        for line in self._theirs:
            if line.device == host.device:
                rest = _rest(host.inside, line.root)
                if rest is not None:
                    found[(line.target.rstrip("/") + rest) or "/"] = True
            for layer in line.layers:
                below = _rest(host.path, layer)
                rest = None if below is None else _rest(below or "/", line.root)
                if rest is not None:
                    found[(line.target.rstrip("/") + rest) or "/"] = True
        for line in self._theirs:
            for rest in _ends(host.path) if self._is_of_others(line) else ():
                found.setdefault((line.target.rstrip("/") + rest) or "/", False)
        for own in (host.path, path):
            found.setdefault(own, False)
        return sorted(found.items(), key=lambda item: (item[0] not in (host.path, path), not item[1]))

    def _is_of_others(self, line: _Line) -> bool:
        """Whether it is an overlay with a layer that its path does not lead to from here."""
        if not line.layered:
            return False
        if line.number not in self._of_others:
            self._of_others[line.number] = any(map(self._leads_nowhere, line.layers))
        return self._of_others[line.number]

    def _leads_nowhere(self, layer: str) -> bool:
        if layer[:1] != "/" or layer.startswith("/proc/"):  # from its maker's working directory, or by descriptors
            return True
        try:
            os.close(self._sight.answering(layer))
        except OSError as error:
            return error.errno in (ENOENT, ENOTDIR)
        return False

    def _parts(self, host: _Host) -> List[List[Any]]:
        """Mounts of the process that show what lies below this folder."""
        below = [line for line in self._theirs if line.device == host.device and _rest(line.root, host.inside)]
        found = []
        for line in below[:PARTS_MAX]:
            place = self._place(host, (line.target, True))
            if place is not None and place[1] != "barred":
                found.append([place[0], "part", *place[2:]])
        return found

    def _place(self, host: _Host, candidate: Tuple[str, bool]) -> Optional[List[Any]]:
        """What lies at that place of the process; None if nothing."""
        path, mounted = candidate
        line = self._covering(path)
        read_only = line is not None and line.read_only
        if self._root is None:
            return [path, "unseen", read_only, [], host.permissions] if mounted and self._shown(host, path) else None
        way: List[str] = []
        begins: Optional[Tuple[str, int]] = None  # a folder on the way that it holds open, and how many are above
        here = os.dup(self._root)
        try:
            for part in path.strip("/").split("/")[:DEPTH_MAX]:
                if not part:
                    continue
                if self._answers(here) is None:
                    raise silent(path)
                about = os.fstat(here)
                begins = self._begins(about, len(way)) or begins
                way.append(permissions_of(about, here))
                deeper = os.open(part, _PLACE, dir_fd=here)
                os.close(here)
                here = deeper
            last = self._answers(here)
            if last is None:
                raise silent(path)
            about = os.fstat(here)
            if stat.S_ISLNK(about.st_mode):
                return None
            if last.layered and stat.S_ISDIR(about.st_mode) and about.st_dev != host.about.st_dev:
                state = self._layer(host, path, here, last)
            else:
                state = "same" if _same(about, host.about, last) else "own"
            self.there[path] = about
            begins = self._begins(about, len(way)) or begins
            if begins is not None and state != "own":
                link, above = begins
                rest = "".join("/" + part for part in path.strip("/").split("/")[above:])
                self._shorter[path] = [
                    *("/proc/self/" + link + rest, state, last.read_only, way[above:]),
                    permissions_of(about, here),
                ]
            return [path, state, last.read_only, way, permissions_of(about, here)]
        except OSError as error:
            if error.errno in (EACCES, EPERM):
                return [path, "barred", read_only, way, host.permissions] if mounted else None
            if error.errno in (ENOENT, ENOTDIR, ELOOP):
                return None
            if error.errno == EXDEV:
                self.silent.add(path)
            return [path, "unseen", read_only, way, host.permissions] if mounted and self._shown(host, path) else None
        finally:
            os.close(here)

    def _begins(self, about: os.stat_result, above: int) -> Optional[Tuple[str, int]]:
        """Where it holds that folder open, if that spares it others."""
        link = self._held.get((about.st_dev, about.st_ino)) if above and stat.S_ISDIR(about.st_mode) else None
        return None if link is None else (link, above)

    def _layer(self, host: _Host, path: str, here: int, line: _Line) -> str:
        """What a folder of an overlay is to one of the host; `same` where it is of the layer that is written to."""
        rest = _rest(path, line.target)
        if rest is None or not (
            os.fstat(here).st_mtime_ns == host.about.st_mtime_ns or self._shows(here, host.path, line)
        ):
            return "own"
        above = host.path[: -len(rest)] if host.path.endswith(rest) and rest else host.path
        try:  # the topmost folder is the writable layer's own, and nobody can set the time of its last change
            top, there = os.stat("../" * rest.count("/") or ".", dir_fd=here), self._sight.answering(above)
            try:
                return "same" if top.st_ctime_ns == os.fstat(there).st_ctime_ns else "lower"
            finally:
                os.close(there)
        except OSError:
            return "same"

    def _shows(self, here: int, path: str, line: _Line) -> bool:
        """Whether one of the first files of that folder of the host is in this one."""
        for name in self._listed(path)[0][:SHOWN_MAX]:
            with suppress(OSError):
                one, other = os.open(name, _PLACE, dir_fd=here), -1
                try:
                    other = self._sight.answering(path.rstrip("/") + "/" + name)
                    if self._answers(one) is line and _same(os.fstat(one), os.fstat(other), line):
                        return True
                finally:
                    os.close(one)
                    if other >= 0:
                        os.close(other)
        return False

    def _answers(self, place: int) -> Optional[_Line]:
        """The mount that it is on, if that is one of the process's and certain to answer."""
        line = self._by_number.get(mount_of(place) or 0)
        return None if line is None or Mount(line.number, line.device, line.kind).may_be_silent else line

    def _covering(self, path: str) -> Optional[_Line]:
        """The mount that a path leads to, by the list alone: the last one that was mounted on or above it."""
        return next((line for line in reversed(self._theirs) if _rest(path, line.target) is not None), None)

    def _shown(self, host: _Host, path: str) -> bool:
        """Whether by the list alone nothing was mounted over it."""
        line = self._covering(path)
        if line is None:
            return False
        rest = _rest(path, line.target) or ""
        same = line.device == host.device and ((line.root.rstrip("/") + rest) or "/") == host.inside
        return same or bool(line.layers)


class _Candidates(_Looking):
    """Finds the same, with what an attempt needs to know of it."""

    def __init__(self, process: Files) -> None:
        super().__init__(process)
        self.found: List[Candidate] = []

    def _told(self, name: str, what: str, path: str, host: _Host) -> List[Any]:
        """Where a file system may not answer nothing is tried; folders that stand for others are no files."""
        if len(what) == 1:
            told = self._places(host, path)
            states = {place[0]: place[1] for place in told if place[0] in self.there}
            places = [each for each, _ in self._candidates(host, path)[:PLACES_MAX] if each not in states]
            places = [each for each in (*states, *places) if each not in self.silent]
            seen = [self.there[each] for each, state in states.items() if state in ("same", "lower")]
            for right in RIGHTS[name] if what == "d" else {"f": "r", "s": "c"}[what]:
                there = [each for each in places if right != "w" or states.get(each) != "lower"]
                self.found.append(Candidate(name, path, right, host.about, there, seen))
        return [[name]]


def _run_folders(people: List[Tuple[int, str]]) -> List[str]:
    return ["/run/user/%d" % uid for uid in dict.fromkeys(uid for uid, _ in people)]


def _lines(mountinfo: str) -> List[_Line]:
    found = []
    for text in mountinfo.split("\n"):
        head, _, tail = text.partition(" - ")
        words, last = head.split(" "), tail.split(" ")
        if len(words) < 6 or len(last) < 3 or not words[0].isdigit():
            continue
        layers = _layers(last[2]) if last[0] in _OVERLAYS else ()
        read_only = words[5].startswith("ro") or last[2].startswith("ro")
        found.append(
            _Line(int(words[0]), words[2], unescaped(words[3]), unescaped(words[4]), read_only, last[0], layers)
        )
    return found


def _layers(options: str) -> Tuple[str, ...]:
    """An overlay's folders, as who mounted it named them; colons and commas in them are escaped."""
    found: List[str] = []
    for match in _LAYER(unescaped(options)):
        found += [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):+", match.group(2))]
    return tuple(found)


def _is_readable(directory: int, link: str) -> bool:
    """Whether a descriptor was opened for reading. Raises OSError, TooLongError, ValueError, KeyError."""
    flags = int(fields_of(read_file(link.replace("fd/", "fdinfo/"), directory))["flags"], 8)
    return not flags & os.O_PATH and flags & os.O_ACCMODE != os.O_WRONLY


def _ends(path: str) -> List[str]:
    """All of a path from one of its slashes on, and "", the longest first."""
    parts = path.split("/")[:DEPTH_MAX]
    return ["".join("/" + part for part in parts[at:]) for at in range(1, len(parts) + 1)]


def _rest(path: str, folder: str) -> Optional[str]:
    """What is left of a path below a folder, "" for the folder itself; None if it is not below."""
    if folder == "/":
        return "" if path == "/" else path
    if path == folder:
        return ""
    return path[len(folder) :] if path.startswith(folder + "/") else None


def _inside(line: _Line, path: str) -> Optional[str]:
    rest = _rest(path, line.target)
    return None if rest is None else (line.root.rstrip("/") + rest) or "/"


def _same(one: os.stat_result, other: os.stat_result, line: _Line) -> bool:
    """Whether it is the very same file; an overlay's device is its own, and its inodes are those of its layers."""
    if one.st_dev == other.st_dev:
        return one.st_ino == other.st_ino
    if line.kind not in _OVERLAYS:
        return False
    if stat.S_ISSOCK(one.st_mode):
        return False  # through an overlay it is another one, to which nobody listens
    if stat.S_ISDIR(one.st_mode):
        return stat.S_ISDIR(other.st_mode) and one.st_mtime_ns == other.st_mtime_ns
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)

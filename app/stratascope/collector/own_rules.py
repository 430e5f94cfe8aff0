"""Whom su, sudo and doas let in without a password, by their own rules in a process's root directory.

Secrets stay there: of passwords only whether one is empty, of rules only whom they let become root without being asked.
Where a rule can't be decided (an alias that is not defined, a command that may or may not lead to more), it counts as
letting in: sudoers(5), doas.conf(5), pam.d(5), pam_permit(8), pam_wheel(8), passwd(5), shadow(5).

A line each: `r PROGRAM KIND ID`, KIND u (a user), g (a group) or a (everyone, ID 0), ids inside. `q` in place of `r`:
whom sudo and doas let become root after a password. `u PROGRAM`: its rules may not be read by this reader.
`w PROGRAM UID GID MODE`: whoever may write to a file with that owner and mode changes the rules; these ids are as the
reader sees them.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Protocol, Set, Tuple

from stratascope.collector.paths import Sight, reopen

TEXT_MAX = 256 << 10
FILES_MAX = 64
USERS_MAX = 4096
LINES_MAX = 256
_INCLUDE = re.compile(r"[#@]include(dir)?\s+(\S+)").fullmatch
_COMMENT = re.compile(r"#(?![0-9-]).*")
_ALIAS = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)").fullmatch
_PASSES = re.compile(r"sufficient|\[.*\bsuccess=(done|[0-9]+)\b.*").match
_GUEST = re.compile(r"\(([^)]*)\)")
# modules that ask nothing, and so decide nothing
_SILENT_MODULES = frozenset(
    ("pam_rootok", "pam_env", "pam_warn", "pam_nologin", "pam_faildelay", "pam_group", "pam_wheel", "pam_permit")
)

_Admitted = Set[Tuple[str, int]]


class _User(NamedTuple):
    uid: int
    gid: int
    empty: bool  # its password


class _Group(NamedTuple):
    gid: int
    members: Tuple[str, ...]


class Files(Protocol):
    """The files that hold the rules."""

    def text(self, path: str) -> str:
        """Up to TEXT_MAX bytes of a file; empty if there is none. Raises PermissionError."""

    def names(self, path: str) -> List[str]:
        """The names in a folder, sorted. Raises PermissionError."""

    def access(self, path: str) -> Optional[Tuple[int, int, int]]:
        """Owner, group and mode."""


class FilesBelow:
    """Those below one root directory."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def text(self, path: str) -> str:
        """See Files."""
        try:
            descriptor = self._sight.answering(path)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return ""
                file = reopen(descriptor, os.O_RDONLY | os.O_NONBLOCK)
            finally:
                os.close(descriptor)
            try:
                return os.read(file, TEXT_MAX).decode("utf-8", "replace")
            finally:
                os.close(file)
        except PermissionError:
            raise
        except OSError:
            return ""

    def names(self, path: str) -> List[str]:
        """See Files."""
        try:
            descriptor = self._sight.answering(path)
            try:
                folder = reopen(descriptor, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
            finally:
                os.close(descriptor)
            try:
                return sorted(os.listdir(folder))[:FILES_MAX]
            finally:
                os.close(folder)
        except PermissionError:
            raise
        except OSError:
            return []

    def access(self, path: str) -> Optional[Tuple[int, int, int]]:
        """See Files."""
        try:
            descriptor = self._sight.answering(path)
        except OSError:
            return None
        try:
            about = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return about.st_uid, about.st_gid, about.st_mode & 0o777


def own_rules(files: Files, known: Set[str]) -> List[str]:
    """The lines for these programs."""
    lines: List[str] = []
    rules = _Rules(files)
    if "su" in known or "bbsuid" in known:
        lines += _lines("su", rules.su())
    for program, own, wanted in (("sudo", rules.sudo, ("sudo", "sudoedit")), ("doas", rules.doas, ("doas",))):
        if known.intersection(wanted):
            rules.unread = False
            free, asked = own()
            lines += _lines(program, free) + _lines(program, asked - free, "q")
            lines += ["u " + program] if rules.unread else []
    if known.intersection(("su", "bbsuid", "sudo", "sudoedit", "doas")):
        lines += rules.writable("su")
    return lines


def _lines(program: str, admitted: _Admitted, letter: str = "r") -> List[str]:
    return ["%s %s %s %d" % (letter, program, kind, number) for kind, number in sorted(admitted)[:LINES_MAX]]


class _Rules:
    """The configuration below one root directory."""

    def __init__(self, files: Files) -> None:
        self._files, self._left = files, FILES_MAX
        self.unread = False  # whether a file could not be read for want of rights
        shadow = {words[0]: words[1] for words in self._table("/etc/shadow") if len(words) > 1}
        self._users: Dict[str, _User] = {}
        for words in self._table("/etc/passwd"):
            if len(words) > 3 and words[2].isdigit() and words[3].isdigit():
                secret = shadow.get(words[0], "x") if words[1] == "x" else words[1]
                self._users.setdefault(words[0], _User(int(words[2]), int(words[3]), not secret))
        self._groups: Dict[str, _Group] = {}
        for words in self._table("/etc/group"):
            if len(words) > 3 and words[2].isdigit():
                members = tuple(name.strip() for name in words[3].split(",") if name.strip())
                self._groups.setdefault(words[0], _Group(int(words[2]), members))

    def _text(self, path: str) -> str:
        self._left -= 1
        try:
            return "" if self._left < 0 else self._files.text(path)
        except PermissionError:
            self.unread = True
            return ""

    def _names(self, path: str) -> List[str]:
        try:
            return self._files.names(path)
        except PermissionError:
            self.unread = True
            return []

    def _table(self, path: str) -> List[List[str]]:
        return [line.split(":") for line in self._text(path).split("\n")[:USERS_MAX]]

    def _of_group(self, name: str) -> _Admitted:
        group = self._groups.get(name)
        if group is None:
            return set()
        found: _Admitted = {("g", group.gid)}
        found |= {("u", self._users[member].uid) for member in group.members if member in self._users}
        return found | {("u", user.uid) for user in self._users.values() if user.gid == group.gid}

    # -- su

    def su(self) -> _Admitted:
        """Whom su makes root: everyone if root's password is empty, or if PAM asks for none."""
        if any(user.uid == 0 and user.empty for user in self._users.values()):
            return {("a", 0)}
        found: _Admitted = set()
        asks = silent = False
        for control, module, arguments in self._auth("su"):
            if module == "pam_permit" and not asks and _PASSES(control):
                return {("a", 0)}
            if module == "pam_wheel" and "trust" in arguments and control in ("sufficient", "required", "requisite"):
                named = [word[6:] for word in arguments if word.startswith("group=")]
                name = named[0] if named else "wheel" if "wheel" in self._groups else "root"
                found |= self._of_group(name)
            asks = asks or module not in _SILENT_MODULES
            silent = silent or module == "pam_permit"
        return {("a", 0)} if silent and not asks else found

    def _auth(self, service: str, depth: int = 4) -> Iterator[Tuple[str, str, List[str]]]:
        """Control, module and arguments of each auth line, includes resolved."""
        text = self._text("/etc/pam.d/" + service) or self._text("/usr/lib/pam.d/" + service)
        if not text and service != "other" and depth == 4:
            text = self._text("/etc/pam.d/other")
        for line in text.replace("\\\n", " ").split("\n"):
            words = line.partition("#")[0].split()
            if len(words) > 1 and words[0] == "@include" and depth > 0:
                yield from self._auth(words[1].rpartition("/")[2], depth - 1)
            if len(words) < 3 or words[0].lstrip("-") != "auth":
                continue
            control, rest = words[1], words[2:]
            while control.startswith("[") and not control.endswith("]") and rest:
                control, rest = control + " " + rest[0], rest[1:]
            if not rest:
                continue
            if control in ("include", "substack") and depth > 0:
                yield from self._auth(rest[0].rpartition("/")[2], depth - 1)
                continue
            yield control, rest[0].rpartition("/")[2].partition(".so")[0], rest[1:]

    def writable(self, program: str) -> List[str]:
        """Owner and mode of the files that decide who is let in, where others than their owner may write."""
        lines: List[str] = []
        for path in ("/etc", "/etc/passwd", "/etc/shadow", "/etc/pam.d", "/etc/pam.d/su", "/etc/pam.d/common-auth"):
            access = self._files.access(path)
            if access is not None and (access[0] or access[2] & 0o022):
                lines.append("w %s %d %d %o" % (program, *access))
        return lines

    # -- sudo

    def sudo(self) -> Tuple[_Admitted, _Admitted]:
        """Whom sudoers(5) lets run something as root without a password, or with an empty one of their own; and whom
        after asking for one.
        """
        rules: List[str] = []
        free: List[str] = []
        aliases: Dict[str, List[str]] = {}
        for line in self._sudoers("/etc/sudoers", 4):
            alias = _ALIAS(line)
            if alias is not None:
                for part in alias[2].split(":"):
                    name, _, value = part.partition("=")
                    aliases[name.strip()] = _listed(value)
            elif line.startswith("Defaults"):
                head, _, options = line.partition(" ")
                if "!authenticate" in options:
                    free.append(head[9:] if head.startswith("Defaults:") else "ALL")
                exempt = re.search(r"exempt_group\s*=\s*\"?%?([^\s,\"]+)", options)
                if exempt is not None:
                    free.append("%" + exempt[1])
            elif "=" in line:
                rules.append(line)
        exempted: _Admitted = set()
        for text in free:
            for word in _listed(text):
                exempted |= self._matched(word, aliases)
        empty = {("u", user.uid) for user in self._users.values() if user.empty}
        found: _Admitted = set()
        after: _Admitted = set()
        for line in rules:
            head, _, tail = line.partition("=")
            words = re.sub(r"\s*,\s*", ",", head.strip()).split()
            if not words:
                continue
            users: _Admitted = set()
            for word in words[0].split(","):
                if word.startswith("!"):
                    users -= self._matched(word[1:], aliases)
                else:
                    users |= self._matched(word, aliases)
            asked, unasked = _as_root(tail, aliases)
            if unasked:
                found |= users
            elif asked and "ALL" in words[1:] and tail.replace(":", " ").split()[-1] == "ALL":
                found -= users  # the last rule that matches counts, and this one matches everywhere and everything
            if asked or unasked:
                found |= users & (exempted | empty)
                after |= users
        return found, after

    def _sudoers(self, path: str, depth: int) -> Iterator[str]:
        for each in self._text(path).replace("\\\n", " ").split("\n"):
            line = each.strip()
            include = _INCLUDE(line)
            if include is not None and depth > 0:
                place = include[2].strip('"')
                names = self._names(place) if include[1] else [""]
                for name in names:
                    if include[1] and ("." in name or name.endswith("~")):
                        continue
                    yield from self._sudoers(place + "/" + name if name else place, depth - 1)
                continue
            line = _COMMENT.sub("", line).strip()
            if line:
                yield line

    def _matched(self, word: str, aliases: Dict[str, List[str]], depth: int = 5) -> _Admitted:
        if word == "ALL":
            return {("u", user.uid) for user in self._users.values()}
        if word.startswith(("!", "+")) or not word:
            return set()
        if word.startswith("%#"):
            return {("g", int(word[2:]))} if word[2:].isdigit() else set()
        if word.startswith("%"):
            return self._of_group(word[1:].strip('"'))
        if word.startswith("#"):
            return {("u", int(word[1:]))} if word[1:].isdigit() else set()
        if word in aliases and depth > 0:
            found: _Admitted = set()
            for each in aliases[word][:USERS_MAX]:
                found |= self._matched(each, aliases, depth - 1)
            return found
        user = self._users.get(word)
        return set() if user is None else {("u", user.uid)}

    # -- doas

    def doas(self) -> Tuple[_Admitted, _Admitted]:
        """Whom doas.conf(5) lets become root without a password, and whom after asking for one."""
        found: _Admitted = set()
        after: _Admitted = set()
        texts = [self._text("/etc/doas.conf")]
        texts += [self._text("/etc/doas.d/" + name) for name in self._names("/etc/doas.d") if name.endswith(".conf")]
        for line in "\n".join(texts).replace("\\\n", " ").split("\n"):
            words = re.sub(r"\{[^}]*\}", "", line.partition("#")[0]).split()
            if not words or words[0] != "permit":
                continue
            rest = [word for word in words[1:] if word not in ("nopass", "nolog", "persist", "keepenv", "setenv")]
            if not rest or (len(rest) > 2 and rest[1] == "as" and rest[2] not in ("root", "0")):
                continue
            name = rest[0]
            if name.startswith(":"):
                users = self._of_group(name[1:])
            else:
                users = {("u", int(name))} if name.isdigit() else self._matched(name, {})
            empty = {("u", user.uid) for user in self._users.values() if user.empty}
            found |= users if "nopass" in words else users & empty
            after |= users
        return found, after


def _listed(text: str) -> List[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _as_root(tail: str, aliases: Dict[str, List[str]]) -> Tuple[bool, bool]:
    """Whether the commands of a rule run as root: after being asked for a password, and without."""
    asked = unasked = False
    runas, free = "root", False
    for each in re.split(r",(?![^(]*\))", tail):
        part, guest = each, _GUEST.search(each)
        if guest is not None:
            users, colon, _ = guest[1].partition(":")
            runas = users.strip() or ("-" if colon else "root")
            part = part.replace(guest[0], " ")
        if "NOPASSWD:" in part.replace(" ", ""):
            free = True
        elif re.search(r"\bPASSWD\s*:", part):
            free = False
        command = part.rpartition(":")[2].strip()
        if command.startswith("!") or not _may_be_root(runas, aliases):
            continue
        asked, unasked = asked or not free, unasked or free
    return asked, unasked


def _may_be_root(runas: str, aliases: Dict[str, List[str]], depth: int = 5) -> bool:
    for word in _listed(runas):
        if word in ("ALL", "root", "#0"):
            return True
        if word in aliases and depth > 0 and _may_be_root(",".join(aliases[word]), aliases, depth - 1):
            return True
    return False

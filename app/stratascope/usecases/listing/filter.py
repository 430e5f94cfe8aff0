"""The filter of the list: the words as typed, which containers match them, and what matched. Pure.

    worker cap:net_admin port:8080 label:tier=front image:"my image" >7

All of them have to match. A quoted text is one word, and a word without a key matches part of a name; `>7` is an
exposure above 7. A word that can't
be understood reports why, and the query matches nothing: a filter that silently ignored a word would show containers
that nobody asked for.

Capabilities and users are those of any of its processes, as the kernel has them, and so is a seccomp filter. If they
could not be read, the result is "not known", neither yes nor no. A mount of a folder is one of all that is below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from stratascope.core.container import AskedMount, AskedPort, Container, ProfileKind
from stratascope.core.message import Message, became, msg, verbatim
from stratascope.core.snapshot import ContainerState
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp import SeccompMode
from stratascope.usecases.listing.alike import PROJECT, label
from stratascope.value import Value

TEXT_MAX, TERMS_MAX = 1000, 20  # characters and words; the rest is ignored
_WORD = re.compile(r'(?:[^\s"]|"[^"]*"?)+').finditer
_KEY = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL).fullmatch
_PORT = re.compile(r"([0-9]{1,5})(/[a-z]*)?").fullmatch
_LIMIT = re.compile(r"([<>])(=?)([0-9]{1,2}(?:\.[0-9]?)?)").fullmatch
_PREFIX = "cap_"
ADDED = "added"  # in place of a capability: any beyond the engine's default


class Key(StrEnum):
    """What a word is compared with; the prefix before the colon, as typed."""

    NAME = "name"
    CAP = "cap"
    USER = "user"
    PROJECT = "project"
    PORT = "port"
    MOUNT = "mount"
    SECCOMP = "seccomp"
    IMAGE = "image"
    LABEL = "label"
    ENGINE = "engine"


class Limit(Value):
    """`>7`, `>=7`, `<7` or `<=7`; of the exposure as it is shown, with one decimal."""

    above: bool
    itself: bool
    number: float

    def holds(self, exposure: float) -> bool:
        """Whether an exposure is beyond it."""
        shown = round(exposure, 1)
        return (self.itself and shown == self.number) or (shown > self.number if self.above else shown < self.number)


class Term(Value):
    """One word: `key` None is free text, in lower case. `numbers`: the capabilities or the port that it means.
    `limit`: of the exposure.
    """

    key: Key | None
    text: str
    numbers: tuple[int, ...] = ()
    limit: Limit | None = None


class Query(Value):
    """All words; `trouble`: why one of them can't be searched for."""

    terms: tuple[Term, ...] = ()
    trouble: Message | None = None

    @property
    def empty(self) -> bool:
        """Whether everything is listed."""
        return not self.terms and self.trouble is None


def parse(text: str) -> Query:
    """Never raises. A key without a value is still being typed, and is ignored."""
    terms: list[Term] = []
    for found in list(_WORD(text[:TEXT_MAX]))[:TERMS_MAX]:
        try:
            term = _term(found.group())
        except ValueError as error:
            return Query(tuple(terms), error.args[0])
        if term is not None:
            terms.append(term)
    return Query(tuple(terms))


def capabilities(text: str) -> tuple[int, ...]:
    """The numbers that a name, part of a name or a number means; empty if there is none."""
    name = text.casefold()
    if name.isascii() and name.isdecimal() and len(name) <= 2:
        return (int(name),) if int(name) < len(NAMES) else ()
    short = name.removeprefix(_PREFIX)
    exact = tuple(number for number in range(len(NAMES)) if short == short_name(number))
    return exact or tuple(number for number, known in enumerate(NAMES) if name in known.casefold())


def short_name(number: int) -> str:
    """`sys_admin` for 21."""
    return NAMES[number].casefold().removeprefix(_PREFIX)


def known_words() -> str:
    """What a word may begin with, besides a part of a name."""
    return " ".join((*(f"{key}:" for key in Key), ">7"))


def _term(word: str) -> Term | None:
    """Raises ValueError with a Message."""
    if word.startswith('"'):
        text = word.replace('"', "")
        return Term(None, text.casefold()) if text.strip() else None
    limit = _LIMIT(word)
    if limit is not None:
        return Term(None, word, limit=Limit(limit[1] == ">", bool(limit[2]), float(limit[3])))
    if word[:1] in ("<", ">") and word.lstrip("<>=") == "":
        return None  # still being typed
    keyed = _KEY(word)
    if keyed is None:
        return Term(None, word.replace('"', "").casefold())
    name, text = keyed[1].casefold(), keyed[2].replace('"', "").casefold()
    if name not in set(Key):
        known = known_words()
        raise ValueError(
            msg('"{word}:" is not a filter. Available: {known}. Put a text with a colon in quotes.',
                word=keyed[1], known=known)
        )  # fmt: skip
    if not text.strip():
        return None
    key = Key(name)
    if key is Key.CAP:
        numbers = capabilities(text)
        if not numbers and text != ADDED:
            raise ValueError(msg('There is no capability "{word}".', word=text))
        return Term(key, text, numbers)
    if key is Key.PORT:
        port = _PORT(text)
        if port is None or not 0 < int(port[1]) < 65536:
            raise ValueError(msg('"{word}" is not a port. Give a number from 1 to 65535, optionally with /udp or /tcp.',
                                 word=text))  # fmt: skip
        return Term(key, (port[2] or "").removeprefix("/"), (int(port[1]),))
    return Term(key, text)


_ID = re.compile(r"[0-9a-f]{6,64}").fullmatch  # fewer digits would match names
_ROOT = "root"


class Match(Value):
    """For one container: whether it matches (None: not known), and what matched other than its name."""

    found: bool | None
    reason: Message | None = None


YES, NO, UNKNOWN = Match(True), Match(False), Match(None)


def answer(query: Query, state: ContainerState) -> Match:
    """All words of the query have to match; the reason is the first word's that has one."""
    if query.trouble is not None:
        return NO
    found: bool | None = True
    reason: Message | None = None
    for term in query.terms:
        one = _answer(term, state)
        if one.found is False:
            return NO
        if one.found is None:
            found = None
        reason = reason or one.reason
    return Match(found, reason)


def hint(query: Query, states: Iterable[ContainerState]) -> Message | None:
    """If plain words match no name: a key with which one of them would match."""
    if query.trouble is not None or any(term.key is not None for term in query.terms):
        return None
    every = tuple(states)
    for term in query.terms:
        for key in (Key.CAP, Key.IMAGE, Key.PROJECT, Key.LABEL, Key.ENGINE, Key.USER, Key.MOUNT, Key.SECCOMP):
            numbers = capabilities(term.text) if key is Key.CAP else ()
            other = Term(key, term.text, numbers)
            able = key is not Key.CAP or numbers or term.text == ADDED
            if able and any(_answer(other, state).found for state in every):
                return msg("No container is named {word}. Try {key}:{word}.", word=term.text, key=key.value)
    return None


def _answer(term: Term, state: ContainerState) -> Match:
    container = state.container
    match term.key:
        case None if term.limit is not None:
            return _exposed(term.limit, state)
        case None:
            return _named(term.text, container)
        case Key.NAME:
            return Match(term.text in container.name.casefold())
        case Key.CAP:
            return _holding(term, state)
        case Key.USER:
            return _running_as(term.text, state)
        case Key.PORT:
            return _at_port(term.numbers[0], term.text, container)
        case Key.MOUNT:
            return _mounting(term.text, container)
        case Key.SECCOMP:
            return _filtered(term.text, state)
        case Key.IMAGE:
            return _in(term.text, container.image)
        case Key.PROJECT:
            return _in(term.text, label(container, PROJECT))
        case Key.LABEL:
            return _labelled(term.text, container)
        case Key.ENGINE:
            return _in(term.text, container.engine)


def _exposed(limit: Limit, state: ContainerState) -> Match:
    if state.matrix is None or state.container.pid is None:
        return NO if state.container.pid is None and not state.container.error else UNKNOWN
    return Match(limit.holds(state.matrix.exposure.worst))


def _in(text: str, whole: str) -> Match:
    return Match(True, verbatim(whole)) if text in whole.casefold() else NO


def _named(text: str, container: Container) -> Match:
    if text in container.name.casefold():
        return YES
    if _ID(text) and container.id.startswith(text):
        return Match(True, msg("ID {id}", id=container.short_id))
    sandbox = container.sandbox
    if sandbox is not None and text in f"{sandbox.maker_title} {sandbox.command}".casefold():
        return YES
    return NO


def _holding(term: Term, state: ContainerState) -> Match:
    facts = state.facts_of(CapabilityFacts)
    if facts is None:
        return NO if state.container.pid is None and not state.container.error else UNKNOWN
    wanted = sum(1 << number for number in term.numbers) if term.numbers else ~facts.default.bits
    first = None if facts.effective is None else facts.effective.bits
    if first is not None and first & wanted:
        return Match(True, _names(first & wanted))
    for process in state.processes:
        if process.effective is not None and process.effective & wanted:
            return Match(True, _of(_names(process.effective & wanted), process.pid))
    return UNKNOWN if first is None or state.unread else NO


def _names(mask: int) -> Message:
    return verbatim(
        ", ".join(name.removeprefix(_PREFIX.upper()) for number, name in enumerate(NAMES) if mask >> number & 1)
    )


def _of(what: Message, pid: int) -> Message:
    return msg("{what}, PID {pid}", what=what, pid=str(pid))


def _running_as(text: str, state: ContainerState) -> Match:
    asked = state.container.asked.user.partition(":")[0]
    facts = state.facts_of(UsermapFacts)
    if text.isascii() and text.isdecimal():
        wanted: int | None = int(text) if len(text) <= 10 else -1
    else:
        wanted = 0 if _ROOT.startswith(text) else None
    if wanted is None:  # a name, whose number only the container's own files contain
        return Match(True, _user(asked)) if text in asked.casefold() else NO
    first = None if facts is None else facts.uid_inside
    if first == wanted:
        return Match(True, _user(_ROOT if wanted == 0 else text))
    for process in state.processes:
        if process.user == wanted:
            return Match(True, _of(_user(_ROOT if wanted == 0 else text), process.pid))
    if first is not None:
        return UNKNOWN if state.unread else NO
    if asked:
        return Match(True, msg("user {user}, as asked", user=asked)) if asked in (text, str(wanted)) else NO
    return UNKNOWN


def _user(name: str) -> Message:
    return msg("user {user}", user=name)


def _at_port(number: int, protocol: str, container: Container) -> Match:
    for port in container.asked.ports:
        inside = port.container_port.partition("/")
        if inside[2].startswith(protocol) and (_covers(port.host_port, number) or _covers(inside[0], number)):
            return Match(True, _published(port))
    for name in container.exposed:
        inside = name.partition("/")
        if inside[2].startswith(protocol) and _covers(inside[0], number):
            return Match(True, msg("{port}, not published", port=name))
    return NO


def _covers(ports: str, number: int) -> bool:
    """`8080`, or `8000-8010`."""
    first, _, last = ports.partition("-")
    if not (first.isascii() and first.isdecimal() and len(first) <= 5):
        return False
    if not (last.isascii() and last.isdecimal() and len(last) <= 5):
        return int(first) == number
    return int(first) <= number <= int(last)


def _published(port: AskedPort) -> Message:
    where = f"{port.host_ip}:{port.host_port}" if port.host_ip else port.host_port
    if not where:
        return msg("{port}, published", port=port.container_port)
    return became(where, port.container_port)


def mounted(mount: AskedMount) -> str:
    """What is mounted: a volume's name or a path of the host; empty for a new tmpfs."""
    return mount.volume or mount.source


def _mounting(text: str, container: Container) -> Match:
    for mount in container.asked.mounts:
        what = mounted(mount)
        below = mount.kind == "bind" and text.startswith(what.casefold().rstrip("/") + "/")
        if below or text in what.casefold() or text in mount.target.casefold():
            return Match(True, became(what, mount.target) if what else verbatim(mount.target))
    return NO


def seccomp_profile(state: ContainerState) -> ProfileKind | None:
    """`UNCONFINED` where the kernel has no filter for it, `UNKNOWN` of whose it is; None: not read."""
    facts = state.facts_of(SeccompFacts)
    if facts is None or facts.mode is None:
        return None
    if facts.mode is SeccompMode.DISABLED:
        return ProfileKind.UNCONFINED
    return ProfileKind.UNKNOWN if facts.profile is ProfileKind.UNCONFINED else facts.profile


def _filtered(text: str, state: ContainerState) -> Match:
    kind = seccomp_profile(state)
    if kind is None:
        return NO if state.container.pid is None and not state.container.error else UNKNOWN
    if text in kind:
        return Match(True, verbatim(kind.value))
    return UNKNOWN if kind is ProfileKind.UNKNOWN and text not in ProfileKind.UNCONFINED else NO


def _labelled(text: str, container: Container) -> Match:
    key, equals, value = text.partition("=")
    for name, said in container.labels:
        if (key in name.casefold() and value in said.casefold()) if equals else text in name.casefold():
            return Match(True, msg("{label}={value}", label=name, value=said))
    return NO

"""The toggles of the resource limits of each process (ulimit), and of the size of /dev/shm.

There are those that harden and those that only give more. No preset limits processes in this way: RLIMIT_NPROC counts
all of a user's, in whatever container they are. The size of the shared memory only gives: engines begin with 64 MB,
which databases and browsers outgrow, and what lies there counts against the limit on memory anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from stratascope.core.container import Asked, AskedLimit
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Given, Learned, Preset, Proof, Proven, Subject, Toggle, ToggleError, Unit
from stratascope.core.relaunch.want import MoreOf, Want
from stratascope.core.text import size_text
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.shared.signs_of_use import peak_of
from stratascope.layers.shared.toggle_values import (
    LEARNED,
    NOT_READ,
    UNLIMITED,
    in_no_preset,
    no_pieces,
    no_risks,
    size_of,
    whole_number,
)
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.value import replace

_LAYER = "cgroup"
_MOST_PROCESSES = 1 << 22  # PID_MAX_LIMIT, proc_sys_kernel(5)
_MOST = (1 << 63) - 1
_MOST_FILES = 1 << 30  # NR_OPEN_MAX, fs/file.c, is about that
# Any limit protects the machine, while one that is too low stops the program on its busiest day
_LEAST_FILES = 65536  # far more than servers use, far fewer than slow down programs that close all of them
_NONE = -1  # how engines say that there is no limit
_PAGES = ("data", "fsize", "memlock", "msgqueue", "stack", "as", "core")  # those in bytes
# To what a limit is raised at the least. That on processes counts the user's in other containers as well, so twice few
# is none at all; of message queues an engine without SYS_RESOURCE gives no more than the kernel's own (MQ_BYTES_MAX)
_BEGIN = {**dict.fromkeys(_PAGES, 8 << 20), "msgqueue": 819200, "nproc": 1024}


def _asked_limit(asked: Asked, name: str) -> AskedLimit | None:
    return next((limit for limit in asked.limits if _plain(limit.name) == name), None)


def _plain(name: str) -> str:
    return name.lower().removeprefix("rlimit_")  # Podman's inspect has the kernel's names


def _with_limit(asked: Asked, name: str, value: int) -> Asked:
    others = tuple(limit for limit in asked.limits if _plain(limit.name) != name)
    return replace(asked, limits=tuple(sorted((*others, AskedLimit(name, value, value)), key=lambda each: each.name)))


def _prove_ulimit(name: str, facts: CgroupFacts | None, value: str) -> Proof:
    expected, source = msg("{name} is {count} at most", name=name, count=int(value)), "@limits"
    limits = None if facts is None else facts.process_limits
    found = next((limit for limit in limits or () if limit.name == name), None)
    if found is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, source)
    if found.hard is None:
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is no limit"), source)
    outcome = Proven.ENFORCED if found.hard <= int(value) else Proven.NOT_ENFORCED
    return Proof(outcome, expected, msg("The limit is {count}", count=found.hard), source)


def _ulimit(
    name: str,
    title: Message,
    what: Message,
    bounds: tuple[int, int],
    risks: Callable[[str, Subject], tuple[Message, ...]],
    strict: int | None,
    default: str,
    unit: Unit = Unit.WORD,
    learned: Callable[[str, Subject, Asked], Learned | None] | None = None,
) -> Toggle:
    def check(value: str, subject: Subject) -> str:
        return str(whole_number(value, *bounds))

    def allows(want: Want, subject: Subject) -> Given | None:
        return _raised(name, want, subject, bounds[1])

    def preset(preset: Preset, subject: Subject) -> str | None:
        if preset is not Preset.STRICT or strict is None:
            return None
        asked = _asked_limit(subject.container.asked, name)
        facts: CgroupFacts | None = subject.of(_LAYER)
        limits = () if facts is None else facts.process_limits or ()
        hard = next((limit.hard for limit in limits if limit.name == name), None)
        now = hard if asked is None else asked.hard
        return None if now is not None and 0 <= now <= strict else str(strict)

    made = Toggle(
        f"ulimit-{name}",
        _LAYER,
        title,
        what,
        "N",
        check,
        lambda asked, value, subject: _with_limit(asked, name, int(value)),
        lambda asked, subject: _asked_limit(asked, name) is not None,
        risks,
        lambda facts, value, subject: _prove_ulimit(name, facts, value),
        preset,
        default=default,
        unit=unit,
        limit=True,
        measure="open_files" if name == "nofile" else "",
        allows=allows,
    )
    return made if learned is None else replace(made, learned=learned, learned_words=(LEARNED,))


def _files_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if int(value) >= _LEAST_FILES:
        return ()
    return (msg("A server with many connections needs a file for each of them; above the limit it refuses more."),)


def _files_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the most files one of its processes had open, and at least what servers may need on a busy day."""
    peak, facts = peak_of(subject, "open_files"), subject.of("cgroup")
    limits = () if facts is None else facts.process_limits or ()
    hard = next((limit.hard for limit in limits if limit.name == "nofile"), None)
    if peak is None:
        return None
    value = max(_LEAST_FILES, 1 << math.ceil(math.log2(4 * peak)))
    if hard is not None and hard <= value:
        return None
    return Learned(str(value), msg("Well above the highest number seen, {count}", count=int(peak)))


OPEN_FILES = _ulimit(
    "nofile",
    msg("Limit open files"),
    msg("No process has more open files and connections than this."),
    (16, _MOST_FILES),
    _files_risks,
    _LEAST_FILES,
    "1024",
    learned=_files_learned,
)
PROCESSES_OF_USER = _ulimit(
    "nproc",
    msg("Limit its user's processes"),
    msg("Its user has no more processes than this, counted over all containers; root is exempt."),
    (1, _MOST_PROCESSES),
    lambda value, subject: (msg("Processes of the same user in other containers count too, and may use it up."),),
    None,
    "256",
)
CORE_FILES = _ulimit(
    "core",
    msg("Limit core files"),
    msg("When a program crashes, at most this many bytes of its memory are written to a file."),
    (0, (1 << 63) - 1),
    no_risks,
    0,
    "0",
    Unit.BYTES,
)


def _now(name: str, subject: Subject) -> int | None:
    """The soft limit that its processes meet; None where there is none, or it is not known."""
    asked = _asked_limit(subject.container.asked, name)
    facts: CgroupFacts | None = subject.of(_LAYER)
    read = () if facts is None else facts.process_limits or ()
    now = next((limit.soft for limit in read if limit.name == name), None if asked is None else asked.soft)
    return None if now is None or now < 0 else now


def _raised(name: str, want: Want, subject: Subject, most: int) -> Given | None:
    """Twice what it may have, and no less than what is usual."""
    if not isinstance(want, MoreOf) or want.what != name:
        return None
    now = _now(name, subject) if want.now is None else want.now
    if now is None:
        return None
    value = min(max(2 * now, _BEGIN.get(name, 2)), most)
    if value <= now:
        return None
    return Given(str(value), msg("Raise the limit {name} to {count}", name=name, count=value))


def _more(name: str, what: Message, most: int = _MOST) -> Toggle:
    """One that no preset knows: a limit that engines set low for some, and a program may run into."""

    def check(value: str, subject: Subject) -> str:
        return UNLIMITED if value.strip().lower() == UNLIMITED else str(whole_number(value, 0, most))

    def apply(asked: Asked, value: str, subject: Subject) -> Asked:
        return _with_limit(asked, name, _NONE if value == UNLIMITED else int(value))

    def prove(facts: CgroupFacts | None, value: str, subject: Subject) -> Proof:
        expected, source = msg("The limit {name} is {count}", name=name, count=value), "@limits"
        limits = None if facts is None else facts.process_limits
        found = next((limit for limit in limits or () if limit.name == name), None)
        if found is None:
            return Proof(Proven.UNKNOWN, expected, NOT_READ, source)
        wanted = None if value == UNLIMITED else int(value)
        text = msg("There is no limit") if found.hard is None else msg("The limit is {count}", count=found.hard)
        # the program may lower the soft one
        return Proof(Proven.ENFORCED if found.hard == wanted else Proven.NOT_ENFORCED, expected, text, source)

    in_bytes = name in _PAGES
    return Toggle(
        f"ulimit-{name}",
        _LAYER,
        msg("Raise the limit {name}", name=name),
        what,
        "",
        check,
        apply,
        lambda asked, subject: _asked_limit(asked, name) is not None,
        no_risks,
        prove,
        in_no_preset,
        default=UNLIMITED,
        unit=Unit.BYTES if in_bytes else Unit.WORD,
        gives=f"{'BYTES' if in_bytes else 'N'}|{UNLIMITED}",
        allows=lambda want, subject: _raised(name, want, subject, most),
        pieces=no_pieces,
    )


_GIVEN = (
    _more("memlock", msg("No process can lock more memory than this.")),
    _more("fsize", msg("No process can create a file larger than this.")),
    _more("stack", msg("No process can have a larger stack than this.")),
    _more("msgqueue", msg("Its user can't have more bytes in message queues than this.")),
    _more("rtprio", msg("No process can have a higher real-time priority than this."), 99),
    _more("nice", msg("Each process can raise its priority up to this."), 40),
    _more("sigpending", msg("Its user can't have more queued signals than this.")),
)


_SHM_SOURCE = "@mountinfo:/dev/shm"
_SHM = "/dev/shm"
_USUAL_SHM = 64 << 20  # both engines' own


def _check_shm(value: str, subject: Subject) -> str:
    size = size_of(value, 1 << 12)
    if shared_mode(subject.container.asked.ipc_mode) or subject.container.asked.ipc_mode == "none":
        raise ToggleError(msg("It shares its shared memory with others, so the size can't be set here."))
    return str(size)


def _prove_shm(facts: object, value: str, subject: Subject) -> Proof:
    """By the options of the file system there, which every layer may read."""
    expected = msg("The size of {path} is {size}", path=_SHM, size=size_text(int(value)))
    namespaces = subject.of("namespaces")
    view = None if namespaces is None else namespaces.mounts
    found = None if view is None else next((each for each in view.seen if each.target == _SHM), None)
    size = 0 if found is None else _tmpfs_size(found.super_options)
    if not size:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _SHM_SOURCE)
    right = Proven.ENFORCED if size >= int(value) else Proven.NOT_ENFORCED
    return Proof(right, expected, msg("It is {size}", size=size_text(size)), _SHM_SOURCE)


def _tmpfs_size(options: str) -> int:
    """Bytes of `size=65536k`, as tmpfs(5) tells it; 0 where it does not."""
    for word in options.split(","):
        name, _, value = word.partition("=")
        number = value.removesuffix("k")
        if name == "size" and number.isascii() and number.isdigit() and len(number) < 18:
            return int(number) << (10 if value.endswith("k") else 0)
    return 0


def _shm_allowed(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, MoreOf) or want.what != "shm":
        return None
    others = [each for each in subject.container.asked.mounts if each.kind == "tmpfs" and each.target != _SHM]
    if others and want.path != _SHM:
        return None  # it may be one of these that is full
    size = 2 * (want.now or subject.container.asked.shm_size or _USUAL_SHM)
    return Given(str(size), msg("Give {path} a size of {size}", path=_SHM, size=size_text(size)))


def _apply_shm(asked: Asked, value: str, subject: Subject) -> Asked:
    return replace(asked, shm_size=int(value))


def _more_shm(asked: Asked, subject: Subject) -> bool:
    return (asked.shm_size or _USUAL_SHM) != _USUAL_SHM


_SHM_WHAT = msg("Sets the size of /dev/shm.")
SHM_SIZE = Toggle(
    "shm-size",
    _LAYER,
    msg("Set the /dev/shm size"),
    _SHM_WHAT,
    "",
    _check_shm,
    _apply_shm,
    _more_shm,
    no_risks,
    _prove_shm,
    in_no_preset,
    default="128m",
    unit=Unit.BYTES,
    gives="BYTES",
    allows=_shm_allowed,
    pieces=no_pieces,
)

ULIMIT_TOGGLES = (OPEN_FILES, PROCESSES_OF_USER, CORE_FILES, *_GIVEN, SHM_SIZE)

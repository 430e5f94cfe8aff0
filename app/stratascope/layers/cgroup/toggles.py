"""The toggles of layer 2: limits on memory, processes and CPU time. Those of each process are in `toggles_ulimit.py`.

A limit on memory counts swap as well: what a container may not have in memory it should not have on the disk either.
Limits follow what the container itself used at the most, as the kernel remembers it. Decided against a part of the
machine's memory: half of it stops nothing that matters, and says nothing about the container.
"""

from __future__ import annotations

import math
import re

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.observation import Phase
from stratascope.core.options.rules import rules_of
from stratascope.core.relaunch.toggle import (
    Evidence,
    Given,
    Learned,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.core.relaunch.want import MoreOf, Want
from stratascope.core.text import size_text
from stratascope.layers.cgroup.facts import CgroupFacts, limits_ignored, most_used
from stratascope.layers.cgroup.toggles_ulimit import ULIMIT_TOGGLES
from stratascope.layers.shared.signs_of_use import of_whom, peak_of
from stratascope.layers.shared.toggle_values import (
    LEARNED,
    NOT_READ,
    UNLIMITED,
    in_no_preset,
    no_pieces,
    proof_of,
    size_of,
    whole_number,
)
from stratascope.value import replace

_LAYER = "cgroup"
_MIB = 1 << 20
_LEAST_MEMORY = 6 * _MIB  # moby, daemon/daemon_unix.go: linuxMinMemory
_LEAST_CPUS = 0.01  # moby, the same place
_MOST_PIDS = 1 << 22  # PID_MAX_LIMIT, proc_sys_kernel(5)
_BEGIN_PIDS = 100  # at the least, where it has too few: an engine's exec takes a dozen for a moment
_ROOM_MEMORY, _ROOM_PIDS, _STEP = 256 * _MIB, 256, 64 * _MIB
_MUCH_ROOM_MEMORY, _MUCH_ROOM_PIDS = 512 * _MIB, 512
# Any limit protects the machine, while one that is too low stops the program on its busiest day
_TIMES = 4  # what was seen, for a limit that is learned
# What keeps data in memory: databases, caches, search engines, by the names of images and of processes
_IN_MEMORY = frozenset(
    ("beam.smp", "cassandra", "clickhouse", "clickhouse-serv", "couchdb", "elasticsearch", "etcd", "influxdb",
     "influxd", "java", "mariadb", "mariadbd", "memcached", "mongo", "mongod", "mongodb", "mssql", "mysql", "mysqld",
     "neo", "opensearch", "postgres", "postgresql", "prometheus", "redis", "redis-server", "slapd", "sqlservr", "squid",
     "valkey", "valkey-server", "varnish", "varnishd")
)  # fmt: skip
_NO_LIMIT = msg("No limit")


def _facts(subject: Subject) -> CgroupFacts | None:
    facts: CgroupFacts | None = subject.of(_LAYER)
    return facts


def _can_limit(subject: Subject) -> None:
    """Raises ToggleError where the engine would ignore a limit."""
    if limits_ignored(_facts(subject), subject.engine):
        raise ToggleError(msg("A rootless engine can't set limits on this machine: it uses cgroup v1."))


def _check_memory(value: str, subject: Subject) -> str:
    if value.strip().lower() == UNLIMITED:
        return UNLIMITED
    size = size_of(value, _LEAST_MEMORY)
    _can_limit(subject)
    return str(size)


def _apply_memory(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == UNLIMITED:
        return replace(asked, memory=None, memory_swap=None) if asked.memory else asked
    return replace(asked, memory=int(value), memory_swap=int(value))


def _memory_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == UNLIMITED:
        return ()
    facts = _facts(subject)
    used = None if facts is None or facts.own is False else facts.memory_current
    if used is None:
        return (msg("Its memory use could not be read; above the limit, one of its processes is killed."),)
    if used > int(value):
        return (
            msg("It uses {used} MiB now, more than this limit: one of its processes would be killed.",
                used=used // _MIB),
        )  # fmt: skip
    if 2 * used > int(value):
        return (msg("It uses {used} MiB now, more than half of this limit.", used=used // _MIB),)
    return ()


def _prove_memory(facts: CgroupFacts | None, value: str, subject: Subject) -> Proof:
    found = None if facts is None else facts.memory_max
    if value == UNLIMITED:
        return _limited(facts, "memory_max", found, None, _NO_LIMIT, "@cgroup:memory")
    expected = msg("At most {count} bytes of memory", count=int(value))
    return _limited(facts, "memory_max", found, int(value), expected, "@cgroup:memory")


def _limited(
    facts: CgroupFacts | None, name: str, found: float | None, wanted: float | None, expected: Message, source: str
) -> Proof:
    if facts is None or (found is None and name in facts.unknown):
        return Proof(Proven.UNKNOWN, expected, NOT_READ, source)
    if found is None:
        right = Proven.ENFORCED if wanted is None else Proven.NOT_ENFORCED
        return Proof(right, expected, msg("There is no limit"), source)
    # the kernel rounds to pages and microseconds
    outcome = Proven.ENFORCED if wanted is not None and found <= wanted * 1.001 else Proven.NOT_ENFORCED
    return Proof(outcome, expected, msg("The limit is {count}", count=found), source)


def _memory_preset(preset: Preset, subject: Subject) -> str | None:
    """Twice of the most that it ever used. Without that nothing is recommended: a moment's use says little.

    Nor for what keeps its data in memory and grows with it, up to a limit of its own that is not known here.
    """
    facts = _facts(subject)
    if subject.container.asked.memory or facts is None or facts.own is False or _grows(subject):
        return None
    if facts.memory_peak is None and peak_of(subject, "memory") is None and preset is not Preset.STRICT:
        return None
    return _twice(subject, _ROOM_MEMORY if preset is Preset.STRICT else _MUCH_ROOM_MEMORY)


def _memory_proposed(subject: Subject) -> str:
    """What to begin with where somebody wants a limit that no preset has."""
    facts = _facts(subject)
    return "" if facts is None or facts.own is False else _twice(subject, _MUCH_ROOM_MEMORY) or ""


def _twice(subject: Subject, least: int) -> str | None:
    """Twice of what it used at the most, in steps; None where that is not known, or would limit nothing."""
    known, total = most_used("memory", _facts(subject), subject.seen), subject.memory_total
    if known is None:
        return None
    limit = max(least, -(-2 * int(known) // _STEP) * _STEP)
    # what is left lets the machine itself go on
    return None if total is not None and limit > total * 3 // 4 else str(limit)


def _grows(subject: Subject) -> bool:
    """By the names of its image and of its processes."""
    image = re.split(r"[^a-z]+", subject.container.image.rpartition("/")[2].partition("@")[0].lower())
    names = {name for name, _ in subject.users or ()}
    return not _IN_MEMORY.isdisjoint((*image, *names))


def _memory_allowed(want: Want, subject: Subject) -> Given | None:
    """Twice what it may have; a limit that somebody else set, of a slice or the machine itself, is not raised so."""
    now = subject.container.asked.memory
    if not isinstance(want, MoreOf) or want.what != "memory" or not now:
        return None
    return Given(str(2 * now), msg("Give it {size} of memory", size=size_text(2 * now)))


def _memory_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the peak; None for programs that keep data in memory, or if that is over half of the machine."""
    peak = peak_of(subject, "memory")
    if peak is None or subject.seen is None or asked.memory:
        return None
    if any(name in _IN_MEMORY for call in subject.seen.calls for name in call.by):
        return None
    size = max(_ROOM_MEMORY, -(-_TIMES * int(peak) // _STEP) * _STEP)
    if subject.memory_total is not None and size > subject.memory_total // 2:
        return None  # too high to be worth setting
    return Learned(str(size), msg("Well above the highest use seen, {mib} MiB", mib=int(peak) // _MIB))


def _memory_measured(value: str, subject: Subject) -> Evidence:
    most = most_used("memory", _facts(subject), subject.seen)
    if most is None:
        return Evidence(Use.UNKNOWN, msg("How much it uses at most is not known."))
    return Evidence(Use.MEASURED, _of_whom(msg("It used {size} at most.", size=size_text(most)), "memory", subject))


def _of_whom(why: Message, what: str, subject: Subject) -> Message:
    """What was measured, and whose it is, if it is not what its own control group counted."""
    own = most_used(what, _facts(subject), None)
    return why if own is not None and own == most_used(what, _facts(subject), subject.seen) else of_whom(why, subject)


MEMORY = Toggle(
    "memory",
    _LAYER,
    msg("Limit memory"),
    msg("Memory and swap together stay below this; if a process wants more, it is killed."),
    "BYTES",
    _check_memory,
    _apply_memory,
    lambda asked, subject: bool(asked.memory),
    _memory_risks,
    _prove_memory,
    _memory_preset,
    live=True,
    limit=True,
    measure="memory",
    evidence=_memory_measured,
    learned=_memory_learned,
    learned_words=(LEARNED,),
    guessed=True,
    default="512m",
    proposed=_memory_proposed,
    unit=Unit.BYTES,
    gives=UNLIMITED,
    allows=_memory_allowed,
)


def _check_pids(value: str, subject: Subject) -> str:
    if value.strip().lower() == UNLIMITED:
        return UNLIMITED
    count = whole_number(value, 1, _MOST_PIDS)
    _can_limit(subject)
    return str(count)


def _pids_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == UNLIMITED:
        return ()
    facts = _facts(subject)
    used = most_used("pids", facts, subject.seen)
    if used is None:
        return (msg("Its number of processes could not be read; above the limit it can't start more."),)
    if 2 * used > int(value):
        if facts is not None and used == facts.pids_current:
            return (msg("It has {used} processes and threads now, more than half of this limit.", used=int(used)),)
        return (msg("It had {used} processes and threads at one time, more than half of this limit.", used=int(used)),)
    return ()


def _prove_pids(facts: CgroupFacts | None, value: str, subject: Subject) -> Proof:
    found = None if facts is None else facts.pids_max
    if value == UNLIMITED:
        return _limited(facts, "pids_max", found, None, _NO_LIMIT, "@cgroup:pids")
    expected = plural("At most {count} process or thread", "At most {count} processes and threads", int(value))
    return _limited(facts, "pids_max", found, int(value), expected, "@cgroup:pids")


def _pids_chosen(subject: Subject, asked: Asked) -> bool:
    """Whether somebody set a limit, rather than the engine."""
    return (asked.pids or 0) > 0 and asked.pids != rules_of(subject.engine).pids


def _pids_preset(preset: Preset, subject: Subject) -> str | None:
    facts = _facts(subject)
    used = most_used("pids", facts, subject.seen)
    if _pids_chosen(subject, subject.container.asked) or facts is None or facts.own is False or used is None:
        return None
    return str(max(_ROOM_PIDS if preset is Preset.STRICT else _MUCH_ROOM_PIDS, 2 * int(used)))


def _pids_allowed(want: Want, subject: Subject) -> Given | None:
    now = subject.container.asked.pids
    if not isinstance(want, MoreOf) or want.what != "pids" or not now or now < 0:
        return None
    count = min(max(2 * now, _BEGIN_PIDS), _MOST_PIDS)
    return Given(str(count), msg("Give it {count} processes and threads", count=count))


def _pids_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the highest number of processes and threads; None if somebody set a limit."""
    peak = peak_of(subject, "pids")
    if peak is None or _pids_chosen(subject, asked):
        return None
    value = max(_ROOM_PIDS, _TIMES * int(peak))
    if asked.pids and 0 < asked.pids <= value:
        return None
    return Learned(str(value), msg("Well above the highest number seen, {count}", count=int(peak)))


def _pids_measured(value: str, subject: Subject) -> Evidence:
    most = most_used("pids", _facts(subject), subject.seen)
    if most is None:
        return Evidence(Use.UNKNOWN, msg("How many processes it has at most is not known."))
    why = plural("It had {count} process at most.", "It had {count} processes and threads at most.", int(most))
    return Evidence(Use.MEASURED, _of_whom(why, "pids", subject))


PIDS = Toggle(
    "pids",
    _LAYER,
    msg("Limit processes"),
    msg("It can't have more processes and threads than this, so a fork bomb stops at the limit."),
    "N",
    _check_pids,
    lambda asked, value, subject: replace(asked, pids=None if value == UNLIMITED else int(value)),
    lambda asked, subject: bool(asked.pids),
    _pids_risks,
    _prove_pids,
    _pids_preset,
    live=True,
    limit=True,
    measure="pids",
    evidence=_pids_measured,
    learned=_pids_learned,
    learned_words=(LEARNED,),
    default="256",
    gives=UNLIMITED,
    allows=_pids_allowed,
)


def _check_cpus(value: str, subject: Subject) -> str:
    if value.strip().lower() == UNLIMITED:
        return UNLIMITED
    facts = _facts(subject)
    most = None if facts is None else facts.cpuset_count
    try:
        cores = float(value)
    except ValueError:
        cores = 0.0
    if not _LEAST_CPUS <= cores <= 8192:  # also refuses "nan"
        raise ToggleError(msg("Give a number of CPUs such as 1.5, not {value}.", value=value))
    if most is not None and cores > most:
        raise ToggleError(
            plural(
                "It has only {count} CPU, so {value} is no limit.",
                "It has only {count} CPUs, so {value} is no limit.",
                most,
                value=value,
            )
        )
    _can_limit(subject)
    return f"{round(cores, 3):g}"


def _prove_cpus(facts: CgroupFacts | None, value: str, subject: Subject) -> Proof:
    found = None if facts is None else facts.cpu_cores
    if value == UNLIMITED:
        return _limited(facts, "cpu_cores", found, None, _NO_LIMIT, "@cgroup:cpu")
    expected = msg("At most the time of {count} CPUs", count=float(value))
    return _limited(facts, "cpu_cores", found, float(value), expected, "@cgroup:cpu")


def _cpus_preset(preset: Preset, subject: Subject) -> str | None:
    facts = _facts(subject)
    count = None if facts is None else facts.cpuset_count
    if subject.container.asked.cpu_cores or not count:
        return None
    if preset is not Preset.STRICT:  # it leaves the machine something, and is hardly felt
        return f"{max(count - 1, round(count * 0.75, 2)):g}"
    return str(count - 1) if count > 1 else "0.9"


def _cpus_allowed(want: Want, subject: Subject) -> Given | None:
    now = subject.container.asked.cpu_cores
    if not isinstance(want, MoreOf) or want.what != "cpus" or not now:
        return None
    facts = _facts(subject)
    most = None if facts is None else facts.cpuset_count
    if most is not None and 2 * now >= most:
        return Given(UNLIMITED, msg("Give it all CPU time"))
    return Given(f"{2 * now:g}", msg("Give it the time of {count} CPUs", count=2 * now))


def _cpus_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the peak, in whole CPUs; None if the machine has no more, or if nobody sent it requests during the
    observation, as startup says nothing about its work.
    """
    peak, facts = peak_of(subject, "cpu"), subject.of("cgroup")
    count = None if facts is None else facts.cpuset_count
    if peak is None or subject.seen is None or Phase.REQUESTS not in subject.seen.seen.phases or asked.cpu_cores:
        return None
    value = max(1, math.ceil(_TIMES * peak))
    if count is None or value >= count:
        return None
    return Learned(str(value), msg("Well above the highest use seen, {cpus} CPUs", cpus=round(peak, 2)))


def _cpus_measured(value: str, subject: Subject) -> Evidence:
    peak = peak_of(subject, "cpu")
    if peak is None or subject.seen is None or Phase.REQUESTS not in subject.seen.seen.phases:
        return Evidence(Use.UNKNOWN, msg("How much CPU time it needs at most is not known."))
    return Evidence(Use.MEASURED, msg("It used {cpus} CPUs at most.", cpus=round(peak, 2)))


CPUS = Toggle(
    "cpus",
    _LAYER,
    msg("Limit CPU"),
    msg("It gets no more CPU time than this many CPUs provide."),
    "X",
    _check_cpus,
    lambda asked, value, subject: replace(asked, cpu_cores=None if value == UNLIMITED else float(value)),
    lambda asked, subject: bool(asked.cpu_cores),
    lambda value, subject: (
        () if value == UNLIMITED else (msg("Under load it works more slowly, and health checks may time out."),)
    ),
    _prove_cpus,
    _cpus_preset,
    live=True,
    limit=True,
    measure="cpu",
    evidence=_cpus_measured,
    learned=_cpus_learned,
    learned_words=(LEARNED,),
    default="1",
    gives=UNLIMITED,
    allows=_cpus_allowed,
)


def _check_score(value: str, subject: Subject) -> str:
    score = whole_number(value, -1000, 1000)
    if score < 0 and subject.engine.rootless:
        raise ToggleError(msg("A rootless engine can't go below its own score, so give 0 or more."))
    return str(score)


def _score_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if int(value) > 0:
        return (msg("If memory runs out on the machine, it is killed sooner than others."),)
    return (msg("If memory runs out on the machine, others are killed sooner than it."),) if int(value) < 0 else ()


def _prove_score(facts: CgroupFacts | None, value: str, subject: Subject) -> Proof:
    found = None if facts is None else facts.oom_score_adj
    now = msg("Its OOM score is adjusted by {count}", count=found or 0)
    return proof_of(
        None if found is None else found == int(value),
        msg("Its OOM score is adjusted by {count}", count=int(value)),
        now,
        now,
        "@oom_score_adj",
    )


OOM_SCORE_ADJ = Toggle(
    "oom-score-adj",
    _LAYER,
    msg("Adjust the OOM score"),
    msg("If memory runs out on the machine, the kernel kills it sooner, up to 1000, or later, down to -1000."),
    "N",
    _check_score,
    lambda asked, value, subject: replace(asked, oom_score_adj=int(value)),
    lambda asked, subject: bool(asked.oom_score_adj),
    _score_risks,
    _prove_score,
    in_no_preset,
    default="500",
    pieces=no_pieces,
)


TOGGLES = (MEMORY, PIDS, CPUS, OOM_SCORE_ADJ, *ULIMIT_TOGGLES)

"""Limits by what a container was seen to use at the most, as values of their toggles."""

from __future__ import annotations

import math

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.observation.observation import Phase
from stratascope.core.relaunch.toggle import Learned, Subject

_MIB = 1 << 20
# They keep data in memory, and take more of it as they get more to keep
_IN_MEMORY = frozenset(
    (
        *("redis-server", "valkey-server", "memcached", "mariadbd", "mysqld", "postgres", "mongod", "java", "beam.smp"),
        *("varnishd", "squid", "slapd", "clickhouse-serv", "influxd", "prometheus", "etcd"),
    )
)
# A limit of any height keeps the machine alive, and one that is too low ends the program on its busiest day
LEAST_FILES = 65536  # far more than servers use, far less than what makes programs slow that close all of them
_LEAST_MEMORY, _STEP, _LEAST_PIDS, _TIMES = 256 * _MIB, 64 * _MIB, 256, 4


def memory_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times its peak; None for what keeps data in memory, and where that would be half of the machine."""
    peak = _peak(subject, "memory")
    if peak is None or subject.seen is None or asked.memory:
        return None
    if any(name in _IN_MEMORY for call in subject.seen.calls for name in call.by):
        return None
    size = max(_LEAST_MEMORY, -(-_TIMES * int(peak) // _STEP) * _STEP)
    if subject.memory_total is not None and size > subject.memory_total // 2:
        return None  # no limit to speak of
    return Learned(str(size), msg("Well above the highest use seen, {mib} MiB", mib=int(peak) // _MIB))


def pids_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the most processes and threads."""
    peak = _peak(subject, "pids")
    if peak is None:
        return None
    value = max(_LEAST_PIDS, _TIMES * int(peak))
    if asked.pids and 0 < asked.pids <= value:
        return None
    return Learned(str(value), msg("Well above the highest number seen, {count}", count=int(peak)))


def cpus_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the most, in whole CPUs; None where nobody asked anything of it meanwhile, as a start tells nothing of
    its work, and where the machine has no more than that.
    """
    peak, facts = _peak(subject, "cpu"), subject.of("cgroup")
    count = None if facts is None else facts.cpuset_count
    if peak is None or subject.seen is None or Phase.REQUESTS not in subject.seen.seen.phases or asked.cpu_cores:
        return None
    value = max(1, math.ceil(_TIMES * peak))
    if count is None or value >= count:
        return None
    return Learned(str(value), msg("Well above the highest use seen, {cpus} CPUs", cpus=round(peak, 2)))


def files_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the most that one of its processes had, and never less than servers may have on their busiest day."""
    peak, facts = _peak(subject, "open_files"), subject.of("cgroup")
    limits = () if facts is None else facts.process_limits or ()
    hard = next((limit.hard for limit in limits if limit.name == "nofile"), None)
    if peak is None:
        return None
    value = max(LEAST_FILES, 1 << math.ceil(math.log2(_TIMES * peak)))
    if hard is not None and hard <= value:
        return None
    return Learned(str(value), msg("Well above the highest number seen, {count}", count=int(peak)))


def _peak(subject: Subject, what: str) -> float | None:
    """The most of it, where a whole start was seen and somebody used it."""
    seen = subject.seen
    return (seen.peak(what) or None) if seen is not None and seen.seen.starts else None

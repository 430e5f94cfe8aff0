"""Limits from a container's highest observed use, as values of their toggles."""

from __future__ import annotations

import math

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.observation.observation import Phase
from stratascope.core.relaunch.toggle import Learned, Subject

_MIB = 1 << 20
# These keep data in memory, and use more as their data grows
_IN_MEMORY = frozenset(
    (
        *("redis-server", "valkey-server", "memcached", "mariadbd", "mysqld", "postgres", "mongod", "java", "beam.smp"),
        *("varnishd", "squid", "slapd", "clickhouse-serv", "influxd", "prometheus", "etcd"),
    )
)
# Any limit protects the machine, while one that is too low stops the program on its busiest day
LEAST_FILES = 65536  # far more than servers use, far fewer than slow down programs that close all of them
_LEAST_MEMORY, _STEP, _LEAST_PIDS, _TIMES = 256 * _MIB, 64 * _MIB, 256, 4


def memory_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the peak; None for programs that keep data in memory, or if that is over half of the machine."""
    peak = _peak(subject, "memory")
    if peak is None or subject.seen is None or asked.memory:
        return None
    if any(name in _IN_MEMORY for call in subject.seen.calls for name in call.by):
        return None
    size = max(_LEAST_MEMORY, -(-_TIMES * int(peak) // _STEP) * _STEP)
    if subject.memory_total is not None and size > subject.memory_total // 2:
        return None  # too high to be worth setting
    return Learned(str(size), msg("Well above the highest use seen, {mib} MiB", mib=int(peak) // _MIB))


def pids_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the highest number of processes and threads."""
    peak = _peak(subject, "pids")
    if peak is None:
        return None
    value = max(_LEAST_PIDS, _TIMES * int(peak))
    if asked.pids and 0 < asked.pids <= value:
        return None
    return Learned(str(value), msg("Well above the highest number seen, {count}", count=int(peak)))


def cpus_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the peak, in whole CPUs; None if the machine has no more, or if nobody sent it requests during the
    observation, as startup says nothing about its work.
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
    """Four times the most files one of its processes had open, and at least what servers may need on a busy day."""
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
    """The highest observed value; None unless a complete start was observed and it was used."""
    seen = subject.seen
    return (seen.peak(what) or None) if seen is not None and seen.seen.starts else None

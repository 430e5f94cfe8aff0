"""Limits by what a container was seen to use at the most, as values of their toggles."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
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
    return Learned(str(size), msg("Well above the most that it was seen to use, {mib} MiB", mib=int(peak) // _MIB))


def pids_learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Four times the most processes and threads."""
    peak = _peak(subject, "pids")
    if peak is None:
        return None
    value = max(_LEAST_PIDS, _TIMES * int(peak))
    if asked.pids and 0 < asked.pids <= value:
        return None
    return Learned(str(value), msg("Well above the most that it was seen to have, {count}", count=int(peak)))


def _peak(subject: Subject, what: str) -> float | None:
    """The most of it, where a whole start was seen and somebody used it."""
    seen = subject.seen
    return (seen.peak(what) or None) if seen is not None and seen.seen.starts else None

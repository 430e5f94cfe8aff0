"""Predicts the limits of a relaunched container. Pure.

Its group gets another name, so paths stay open; its ancestors' limits stay. A rootless engine sets no limits on cgroup
v1.
"""

from __future__ import annotations

from typing import TypeVar

from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.options.capabilities import starts_as_root
from stratascope.layers.cgroup.facts import CgroupFacts
from stratascope.layers.cgroup.limits import cpus_in
from stratascope.layers.shared.devices import ALL_DEVICES, runtime_default
from stratascope.layers.shared.whose_namespace import own_user_namespace
from stratascope.linux.process import ProcessLimit
from stratascope.value import replace

_Number = TypeVar("_Number", int, float)


def predict(facts: CgroupFacts | None, before: Asked, after: Asked, around: Surroundings) -> CgroupFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    if not (around.engine.rootless and facts.version in ("v1", "hybrid")):
        found = _limits(found, before, after)
    if found.pids_room is None and found.pids_max is not None and found.pids_level == 0:
        found = replace(found, pids_room=found.pids_max)  # its group is new, and empty
    found = replace(found, devices=_devices(found.devices, before, after, around.engine))
    if before.oom_score_adj != after.oom_score_adj:  # without one, rootless engines hand on their own
        score = after.oom_score_adj or (None if around.engine.rootless else 0)
        found = replace(found, oom_score_adj=score)
    return _process(found, before, after)


def _devices(now: tuple[str, ...] | None, before: Asked, after: Asked, engine: Engine) -> tuple[str, ...] | None:
    """Keep the runtime's own rules (crun's and runc's differ); replace those that were requested."""
    # With a user namespace, Podman requests none: on v1 all is let through then, and on v2, which can't be read here,
    # crun sets the same as for all other containers (measured). With root's keep-id it requests the usual ones, except
    # in a pod: reported is what lets more through
    podman = engine.kind is EngineKind.PODMAN
    had, has = (podman and own_user_namespace(asked) for asked in (before, after))
    if now is None or engine.rootless or (had == has and _of_devices(before) == _of_devices(after)):
        return now
    if has:
        return ALL_DEVICES
    wanted = runtime_default(after.privileged, after.devices, after.device_rules or ())
    if had or before.privileged or after.privileged:
        return wanted
    was = runtime_default(False, before.devices, before.device_rules or ())
    kept = [rule for rule in now if rule not in was or rule in wanted]
    return (*kept, *(rule for rule in wanted if rule not in was))


def _of_devices(asked: Asked) -> tuple[object, ...]:
    return asked.privileged, asked.devices, asked.device_rules


def _limits(facts: CgroupFacts, before: Asked, after: Asked) -> CgroupFacts:
    unknown = set(facts.unknown)
    memory, pids, cpu, room, swap = (
        facts.memory_max,
        facts.pids_max,
        facts.cpu_cores,
        facts.pids_room,
        facts.swap_max,
    )
    if before.memory != after.memory:
        memory = _least(facts.memory_max, facts.memory_level, after.memory, unknown, "memory_max")
        swap = None
        if after.memory and after.memory_swap:
            swap = max(0, after.memory_swap - after.memory)
            unknown.discard("swap_max")
        else:
            unknown.add("swap_max")
    if before.pids != after.pids:
        pids = _least(facts.pids_max, facts.pids_level, after.pids, unknown, "pids_max")
        own = facts.pids_level in (None, 0)
        if after.pids:
            left = after.pids - (facts.pids_current or 0) if facts.own is not False else after.pids
            room = max(0, left if own or room is None else min(room, left))
        else:
            room = None if own else room
    if before.cpu_cores != after.cpu_cores:
        own_cpu = facts.cpu_from is None or facts.cpu_from == facts.path
        cpu = _least(facts.cpu_cores, 0 if own_cpu else 1, after.cpu_cores, unknown, "cpu_cores")
    cpuset, count = facts.cpuset, facts.cpuset_count
    if before.cpuset != after.cpuset:
        cpuset = after.cpuset or None
        count = cpus_in(cpuset)
    return replace(
        facts,
        path=None,
        memory_max=memory,
        memory_level=0 if memory and memory == after.memory else facts.memory_level,
        memory_from=None,
        swap_max=swap,
        pids_max=pids,
        pids_level=0 if pids and pids == after.pids else facts.pids_level,
        pids_from=None,
        pids_room=room,
        cpu_cores=cpu,
        cpu_from=None,
        cpuset=cpuset,
        cpuset_count=count,
        unknown=tuple(sorted(unknown)),
    )


def _least(
    now: _Number | None, level: int | None, wanted: _Number | None, unknown: set[str], name: str
) -> _Number | None:
    """Replace the limit of its own group; an ancestor's (level above 0) still applies."""
    above = now if level else None
    if not wanted:
        return above
    if name in unknown and above is None:
        unknown.discard(name)  # at most that, whatever the ancestors have
    return wanted if above is None else min(above, wanted)


def _process(facts: CgroupFacts, before: Asked, after: Asked) -> CgroupFacts:
    limits = facts.process_limits
    if before.limits != after.limits and limits is not None:
        named = {limit.name.lower().removeprefix("rlimit_"): limit for limit in after.limits}
        limits = tuple(
            ProcessLimit(limit.name, _number(named[limit.name].soft), _number(named[limit.name].hard))
            if limit.name in named
            else limit
            for limit in limits
        )
    by_user, unread = facts.processes_by_user, facts.processes_unread
    if limits != facts.process_limits or before.user != after.user:
        count = next((limit.hard for limit in limits or () if limit.name == "nproc"), None)
        if before.user != after.user and not starts_as_root(after):
            by_user, unread = count, limits is None
        elif by_user is not None:
            by_user = count
    return replace(facts, process_limits=limits, processes_by_user=by_user, processes_unread=unread)


def _number(value: int) -> int | None:
    return None if value < 0 else value  # -1 is unlimited

"""Bars and rows of the control-group layer: current use, limit, and the machine's capacity."""

from __future__ import annotations

from stratascope.core.container import LogKeeping
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Bar, Bars, Row, Tab, Table, Tone
from stratascope.core.message import Message, colon, msg, plural, verbatim
from stratascope.core.text import size_text
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts
from stratascope.layers.shared.readings import NONE, NOT_READABLE
from stratascope.linux.cgroup import IoLimit

_LIMITS, _REST = msg("Limits"), msg("Cgroup")
_MEMORY, _SWAP, _PIDS, _CPU = msg("Memory"), msg("Swap"), msg("Processes"), msg("CPU")
_UNLIMITED = msg("No limit")
_VERSION, _PATH, _CPUSET, _WEIGHT = msg("Version"), msg("Path"), msg("CPUs that it can use"), msg("CPU weight")
_OOM_SCORE = msg("OOM score adjustment")
_OOM_NOTE = msg("If memory runs out on the machine: from -1000, it is never killed, to 1000, it is killed first.")
_IO, _DEVICES, _HIGH = msg("Disk limits"), msg("Device rules"), msg("Memory, throttled above")
_MEMORY_PEAK, _PIDS_PEAK = msg("Peak memory so far"), msg("Peak processes and threads so far")
_BPF = msg("Enforced by a BPF program that no file shows")
_LOG = msg("Log")
_LOGS = {
    LogKeeping.UNLIMITED: (msg("no size limit"), Tone.WARN),
    LogKeeping.LIMITED: (msg("limited in size"), Tone.GOOD),
    LogKeeping.JOURNAL: (msg("it limits itself"), Tone.GOOD),
    LogKeeping.ELSEWHERE: (msg("limits not known here"), Tone.UNKNOWN),
}
_WORDS = {
    "v1": msg("1: a tree for each controller"),
    "v2": msg("2: one tree for all"),
    "hybrid": msg("1 and 2 side by side; limits are set in version 1"),
}
_WEIGHT_NOTE = msg("Its share when CPUs are scarce; it limits nothing when nothing else wants CPU time.")
_SHARED_PATH = msg("It has no cgroup of its own: this one also contains other processes.")
_SYSTEMDS = msg("Not asked for: a systemd default (DefaultTasksMax)")
_SOMEONES = msg("Not asked for")
_NEAR = 0.9


def default_pids(facts: CgroupFacts, asked: int | None) -> bool:
    """Whether the process limit is not the requested one: systemd's default, or that of a group above."""
    return facts.pids_max is not None and not (asked and asked > 0 and facts.pids_max == asked)


def of_systemd(path: str) -> bool:
    """Whether that group is a unit with a systemd default limit: DefaultTasksMax applies to all but slices."""
    return path.endswith((".scope", ".service"))


def tabs_of(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> tuple[Tab, ...]:
    """The one tab."""
    return (Tab(_LIMITS, (Bars(_LIMITS, _bars(facts, asked, around)), Table(_REST, _rows(facts, asked)))),)


def _bars(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> tuple[Bar, ...]:
    """Memory, swap, processes, CPU."""
    ground = around.ground
    memory_note = _shared_use(facts, facts.memory_current) or _whence(facts.memory_from, facts.memory_level)
    pids_note = _shared_use(facts, facts.pids_current) or _whence(facts.pids_from, facts.pids_level)
    if pids_note is None and default_pids(facts, asked.pids):
        pids_note = _SYSTEMDS if of_systemd(facts.pids_from or "") else _SOMEONES
    return (
        _bar(facts, "memory_max", _MEMORY, facts.memory_current, facts.memory_max, ground.memory_total, memory_note),
        _bar(facts, "swap_max", _SWAP, None, facts.swap_max, None, None),
        _bar(
            facts,
            "pids_max",
            _PIDS,
            facts.pids_current,
            facts.pids_max,
            ground.sysctl_number("kernel.pid_max"),
            pids_note,
        ),
        Bar(
            _CPU,
            None,
            facts.cpu_cores,
            None if ground.cpus_online is None else float(ground.cpus_online),
            NOT_READABLE
            if "cpu_cores" in facts.unknown
            else _UNLIMITED
            if facts.cpu_cores is None
            else msg("{cores} cores", cores=round(facts.cpu_cores, 3)),
            facts.source("cpu_cores"),
            _tone(facts, "cpu_cores", None, facts.cpu_cores),
        ),
    )


def _shared_use(facts: CgroupFacts, used: int | None) -> Message | None:
    if facts.own is not False or used is None:
        return None
    return msg(
        "It has no cgroup of its own: usage is that of all processes in {path}.",
        path=facts.path or "/",
    )


def _whence(path: str | None, level: int | None) -> Message | None:
    return msg("The limit is set further up, at {path}", path=path or "/") if level else None


def _bar(
    facts: CgroupFacts,
    field: str,
    label: Message,
    used: int | None,
    limit: int | None,
    capacity: int | None,
    note: Message | None,
) -> Bar:
    show = _count if field == "pids_max" else _size
    if field in facts.unknown:
        value = NOT_READABLE
    elif limit is None:
        if used is None:
            value = _UNLIMITED
        elif facts.own is False:
            value = msg("{used} by all in its group, no limit", used=show(used))
        else:
            value = msg("{used}, no limit", used=show(used))
    elif used is None:
        value = show(limit)
    elif facts.own is False:
        value = msg("{used} by all in its group, of {limit}", used=show(used), limit=show(limit))
    else:
        value = msg("{used} of {limit}", used=show(used), limit=show(limit))
    tone = _tone(facts, field, used, limit)
    return Bar(
        label,
        None if used is None else float(used),
        None if limit is None else float(limit),
        None if capacity is None else float(capacity),
        value,
        facts.source(field),
        tone,
        note,
    )


def _tone(facts: CgroupFacts, field: str, used: float | None, limit: float | None) -> Tone:
    if field in facts.unknown:
        return Tone.UNKNOWN
    if limit is None:
        return Tone.PLAIN if field == "swap_max" else Tone.WARN
    return Tone.WARN if used is not None and used >= limit * _NEAR else Tone.GOOD


def _count(number: float) -> Message:
    return verbatim(int(number))


def _size(number: float) -> Message:
    return verbatim(size_text(number))


def _rows(facts: CgroupFacts, asked: CgroupAsked) -> tuple[Row, ...]:
    """The rest: version, path, CPUs, weight, disks, devices."""
    source = f"{facts.process}/cgroup"
    version = NOT_READABLE if facts.version is None else _WORDS[facts.version]
    path = NOT_READABLE if facts.path is None else verbatim(facts.path)
    found = [
        Row(_VERSION, version, source, Tone.UNKNOWN if facts.version is None else Tone.PLAIN),
        Row(
            _PATH,
            path,
            source,
            Tone.UNKNOWN if facts.path is None else Tone.PLAIN,
            note=_SHARED_PATH if facts.own is False else None,
        ),
    ]
    if facts.memory_peak is not None and facts.own is not False:
        found.append(Row(_MEMORY_PEAK, _size(facts.memory_peak), facts.source("memory_peak")))
    if facts.pids_peak is not None and facts.own is not False:
        found.append(Row(_PIDS_PEAK, _count(facts.pids_peak), facts.source("pids_peak")))
    if facts.memory_high is not None:
        found.append(Row(_HIGH, _size(facts.memory_high), facts.source("memory_high")))
    if facts.oom_score_adj is not None:
        score, tone = facts.oom_score_adj, Tone.WARN if facts.oom_score_adj < 0 else Tone.PLAIN
        wish = _count(asked.oom_score_adj) if asked.oom_score_adj else None
        found.append(Row(_OOM_SCORE, _count(score), f"{facts.process}/oom_score_adj", tone, wish, _OOM_NOTE))
    if facts.cpuset is not None:
        wish = verbatim(asked.cpuset) if asked.cpuset else None
        found.append(Row(_CPUSET, verbatim(facts.cpuset), facts.source("cpuset"), Tone.PLAIN, wish))
    if facts.cpu_weight is not None:
        weight = verbatim(facts.cpu_weight)
        found.append(Row(_WEIGHT, weight, facts.source("cpu_weight"), note=_WEIGHT_NOTE))
    found.extend(Row(_IO, _io(limit), facts.source("io")) for limit in facts.io)
    if "io" in facts.unknown:
        found.append(Row(_IO, NOT_READABLE, facts.source("io"), Tone.UNKNOWN))
    elif not facts.io:
        found.append(Row(_IO, NONE, facts.source("io")))
    if facts.devices is not None:
        everything = any(rule.startswith("a *:* ") for rule in facts.devices)
        text = plural("{count} rule: {rules}", "{count} rules: {rules}", len(facts.devices),
                      rules=", ".join(facts.devices[:20]))  # fmt: skip
        found.append(Row(_DEVICES, text, facts.source("devices"), Tone.BAD if everything else Tone.PLAIN))
    elif facts.version == "v2":
        found.append(Row(_DEVICES, _BPF, source, Tone.UNKNOWN))
    if asked.log in _LOGS:
        limit, tone = _LOGS[asked.log]
        text = colon(asked.log_driver, limit)
        found.append(Row(_LOG, text, "inspect:HostConfig.LogConfig", tone))
    return tuple(found)


def _io(limit: IoLimit) -> Message:
    values = (
        ("rbps", limit.read_bytes),
        ("wbps", limit.write_bytes),
        ("riops", limit.read_operations),
        ("wiops", limit.write_operations),
    )
    text = " ".join(f"{key}={value}" for key, value in values if value is not None)
    return colon(limit.device, text)

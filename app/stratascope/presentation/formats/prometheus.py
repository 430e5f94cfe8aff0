"""Prometheus' text format, for node_exporter's textfile collector: one moment, no sample has a time of its own.

What grows without bound is no label: neither ids nor PIDs, nor the rule of a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratascope.presentation.report_model import Report, Subject

MOST = 5000  # containers, the most exposed first
Labels = tuple[tuple[str, str], ...]
METRICS = {
    "stratascope_info": "Version of Stratascope.",
    "stratascope_last_run_timestamp_seconds": "When this was read, in seconds since the epoch.",
    "stratascope_machine_containers": "Containers of a machine, running or not.",
    "stratascope_engine_up": "Whether an engine answered.",
    "stratascope_engine_unseen": "Engines that may run containers of which nothing is known.",
    "stratascope_container_exposure": "Exposure from 0 to 10, with what is not known as let through.",
    "stratascope_container_exposure_at_best": "Exposure from 0 to 10, with what is not known as stopped.",
    "stratascope_container_exposure_verified": "Exposure from 0 to 10, by what the kernel says alone.",
    "stratascope_container_unknown": "1 where a container runs and nothing is known of it.",
    "stratascope_container_findings": "Findings that count, by severity.",
    "stratascope_container_findings_accepted": "Findings that somebody accepts.",
    "stratascope_container_threats": "Threats that are open or not known, by severity.",
    "stratascope_container_layer_open": "1 where a layer is open, 0.5 where it is weakened, 0 where it is enforced.",
    "stratascope_exceptions_expired": "Findings that count again, since their exception has expired.",
    "stratascope_exceptions_unused": "Exceptions that fit nothing that was found.",
    "stratascope_containers_left_out": "Containers without samples of their own, since there are too many.",
}
_LAYERS = {"OPEN": 1.0, "WEAKENED": 0.5, "ENFORCED": 0.0}
_SEVERITIES = ("critical", "high", "medium", "low")


def render(report: Report) -> str:
    """All samples, those of a metric together, as the format wants them."""
    found: dict[str, dict[Labels, float]] = {name: {} for name in METRICS}
    for name, labels, value in _samples(report):
        found[name][labels] = max(value, found[name].get(labels, value))  # names that are shown alike
    return "".join(_metric(name, samples) for name, samples in found.items() if samples)


def _metric(name: str, samples: dict[Labels, float]) -> str:
    lines = [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_braces(labels)} {value:.15g}" for labels, value in samples.items()]
    return "\n".join(lines) + "\n"


def _samples(report: Report) -> Iterator[tuple[str, Labels, float]]:
    yield "stratascope_info", (("version", report.version),), 1
    for machine in report.machines:
        where: Labels = (("machine", machine.name),) if machine.name else ()
        yield "stratascope_last_run_timestamp_seconds", where, machine.taken_at
        yield "stratascope_machine_containers", where, machine.containers
        yield "stratascope_engine_unseen", where, len(machine.unseen)
        for engine, kind, state in machine.engines:
            yield "stratascope_engine_up", (*where, ("engine", engine), ("kind", kind)), float(state == "connected")
    yield "stratascope_exceptions_expired", (), report.expired
    yield "stratascope_exceptions_unused", (), len(report.unused)
    left = MOST
    for subject in report.subjects:
        names = subject.machines or ("",)
        for machine_name in names[:left]:
            yield from _container(subject, (("machine", machine_name),) if machine_name else ())
        left = max(0, left - len(names))
    total = sum(len(subject.machines) or 1 for subject in report.subjects)
    yield "stratascope_containers_left_out", (), max(0, total - MOST)


def _container(subject: Subject, where: Labels) -> Iterator[tuple[str, Labels, float]]:
    prefix = "stratascope_container"
    labels = (*where, ("engine", subject.engine), ("name", subject.name))
    for name, value in (("exposure", subject.exposure), ("exposure_at_best", subject.at_best),
                        ("exposure_verified", subject.verified)):  # fmt: skip
        if value is not None:
            yield f"{prefix}_{name}", (*labels, ("image", subject.image)), value
    yield f"{prefix}_unknown", labels, float(not subject.known)
    if subject.exposure is None:
        return
    findings = [item for item in subject.items if not item.threat]
    counted = [item.severity.value for item in findings if item.counts]
    for severity in _SEVERITIES:
        yield f"{prefix}_findings", (*labels, ("severity", severity)), counted.count(severity)
    yield f"{prefix}_findings_accepted", labels, sum(not item.counts for item in findings)
    threats = [(outcome, severity) for _, outcome, severity in subject.threats]
    for outcome in ("open", "unknown"):
        for severity in _SEVERITIES:
            yield (f"{prefix}_threats", (*labels, ("outcome", outcome), ("severity", severity)),
                   threats.count((outcome, severity)))  # fmt: skip
    for layer, verdict in subject.verdicts:
        if verdict in _LAYERS:
            yield f"{prefix}_layer_open", (*labels, ("layer", layer)), _LAYERS[verdict]


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    words = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{words}}}" if words else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

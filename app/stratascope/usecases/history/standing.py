"""A container's recorded state, from an existing snapshot."""

from __future__ import annotations

from stratascope.core.container import Engine
from stratascope.core.history.entry import Exposed, Image, Limits, Made, Run, Standing, Subject, Unlike
from stratascope.core.history.fold import up
from stratascope.core.options.words import flags
from stratascope.core.relaunch.launch_spec import TRANSACTION, TWIN, is_mark
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot
from stratascope.layers.cgroup.facts import CgroupFacts

_DRIFT_MOST, _THREATS_MOST, _COMMAND_MOST = 20, 60, 60  # processes, threats, characters of a command


def subject_of(state: ContainerState) -> Subject | None:
    """The subject that it belongs to; None for temporary containers: twins, and relaunches under way."""
    container = state.container
    labels = dict(container.labels)
    if container.error or is_mark(container.name) or TWIN in labels:
        return None
    return Subject(container.engine, container.name or container.id)


def standing(state: ContainerState, snapshot: Snapshot) -> Standing:
    """All parts that are known now."""
    container = state.container
    run = Run(container.status.value, container.started, container.exit_code, container.out_of_memory)
    still = Standing(
        made=Made(container.id, any(name == TRANSACTION for name, _ in container.labels)),
        image=Image(container.image, container.image_id),
        run=run,
        settings=flags(container.asked),
    )
    if not up(run) or state.matrix is None:
        return still
    matrix = state.matrix
    opened = [each.threat.id for severity in (Severity.CRITICAL, Severity.HIGH) for each in matrix.open(severity)]
    root = snapshot.privilege.state is PrivilegeState.ON
    return Standing(
        made=still.made,
        image=still.image,
        run=run,
        settings=still.settings,
        limits=_limits(state),
        exposed=Exposed(round(matrix.exposure.worst, 2), round(matrix.exposure.best, 2), root),
        layers=tuple((layer.id, layer.assessment.verdict.value) for layer in state.layers),
        threats=tuple(opened[:_THREATS_MOST]),
        drift=_drift(state),
    )


def groups_of(state: ContainerState, snapshot: Snapshot) -> str:
    """The text of its /proc/PID/cgroup, if it is of this kernel and the group is its own; else empty."""
    engine = _engine(snapshot, state.container.engine)
    facts, capture = _cgroup(state), state.capture
    elsewhere = any(name == state.container.engine for name, _ in snapshot.elsewhere)
    if engine is None or not engine.local or elsewhere or facts is None or not facts.own or capture is None:
        return ""
    text = capture.text("cgroup") if capture.via == "proc" else ""
    return text if isinstance(text, str) else ""


def _engine(snapshot: Snapshot, name: str) -> Engine | None:
    return next((each for each in snapshot.engines if each.id == name), None)


def _cgroup(state: ContainerState) -> CgroupFacts | None:
    return next((layer.facts for layer in state.layers if isinstance(layer.facts, CgroupFacts)), None)


def _limits(state: ContainerState) -> Limits | None:
    facts = _cgroup(state)
    if facts is None or {"memory_max", "pids_max", "cpu_cores"} & set(facts.unknown):
        return None
    return Limits(facts.memory_max, facts.pids_max, facts.cpu_cores)


def _drift(state: ContainerState) -> tuple[Unlike, ...]:
    """Sorted, without duplicates: PIDs differ with each healthcheck, and mean nothing later."""
    unlike = [process for process in state.processes if process.drift]
    found = {Unlike(each.command[:_COMMAND_MOST], each.kind, each.drift) for each in unlike}
    return tuple(sorted(found, key=lambda each: (each.command, each.kind, each.fields)))[:_DRIFT_MOST]

"""What the strip above the layers and the ground below them say. No Qt."""

from __future__ import annotations

from stratascope.core.container import Container, Engine, EngineKind, Status, other_kernel
from stratascope.core.ground import Ground
from stratascope.core.message import msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.ground_rows import ground_rows
from stratascope.presentation.words import STATUSES
from stratascope.ui.kit.gap_words import runs


def tries_line(matrix: Matrix) -> str:
    """How many things the process could try."""
    return translate(plural("can try {count} thing", "can try {count} things", len(matrix.threats)))


def process_line(state: ContainerState) -> str:
    """Command, PID, and how many processes there are."""
    if not runs(state):
        return translate(msg("Not running"))
    container = state.container
    if state.would_start:
        return translate(msg("Not running"))
    if container.status is Status.PREDICTED:
        return translate(STATUSES[container.status])  # nothing of it is there that could have a number
    comm = state.capture.text("comm") if state.capture else ""
    command = plain(comm.strip(), 80) if isinstance(comm, str) and comm else plain(container.command, 80)
    pid = str(container.pid)
    count = sum(process.thread_of is None for process in state.processes) + 1 + state.unread
    if state.members_from:
        if command:
            return translate(
                plural("{command}, PID {pid}, {count} process", "{command}, PID {pid}, {count} processes", count,
                       command=command, pid=pid)
            )  # fmt: skip
        return translate(plural("PID {pid}, {count} process", "PID {pid}, {count} processes", count, pid=pid))
    if command:
        return translate(msg("{command}, PID {pid}", command=command, pid=pid))
    return translate(msg("PID {pid}", pid=pid))


def ground_lines(container: Container, ground: Ground, engine: Engine | None) -> tuple[str, str]:
    """What all six stand on: the kernel, and the engine."""
    if other_kernel(container):
        first = translate(msg("Its own kernel, in {runtime}", runtime=plain(container.runtime, 40)))
    elif engine is not None and not engine.local and ground.kernel:
        first = translate(msg("Linux {version}, shared by all containers there", version=ground.kernel))
    elif not ground.kernel:
        first = translate(msg("Not readable from here"))
    else:
        first = translate(msg("Linux {version}, shared by all containers", version=ground.kernel))
    return first, _engine_line(engine)


def kernel_lines(ground: Ground) -> tuple[str, ...]:
    """What else is told of the kernel: its security modules, and rows that no layer changes."""
    rows = (f"{translate(row.label)}: {translate(row.value)}" for row in ground_rows(ground))
    return (_modules_line(ground), *rows)


def _modules_line(ground: Ground) -> str:
    if not ground.kernel:
        return ""
    if ground.lsms is None:
        return translate(msg("Security modules not readable"))
    if not ground.lsms:
        return translate(msg("No security modules"))
    return translate(msg("Security modules: {modules}", modules=", ".join(ground.lsms)))


def _engine_line(engine: Engine | None) -> str:
    if engine is None:
        return ""
    name = "dockerd" if engine.kind is EngineKind.DOCKER else "podman"
    if engine.rootless:
        return translate(msg("{engine} runs without root", engine=name))
    if engine.daemon_uid == 0:
        return translate(msg("{engine} runs as root", engine=name))
    if engine.daemon_uid is None:
        return translate(msg("Which user {engine} runs as is not known", engine=name))
    return translate(msg("{engine} runs as user {uid}", engine=name, uid=str(engine.daemon_uid)))

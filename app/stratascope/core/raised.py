"""The sentence for the further process that raises a container's exposure above its first process's."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, ProcessState


def raising_most(state: ContainerState) -> ProcessState | None:
    """The process that raises it most; None if none does."""
    return max(state.raising, key=lambda each: each.exposure or 0.0, default=None)


def raised(state: ContainerState) -> Message | None:
    """None if no process does."""
    worst = raising_most(state)
    if worst is None:
        return None
    least, most = f"{state.first_exposure or 0.0:.1f}", f"{worst.exposure or 0.0:.1f}"
    if worst.kind and worst.thread_of is None:
        return msg("An exec session ({process}) raises its exposure from {least} to {most} until it ends.",
                   process=_named(worst), least=least, most=most)  # fmt: skip
    return msg("{process} raises its exposure from {least} to {most}; its first process alone has less.",
               process=_named(worst), least=least, most=most)  # fmt: skip


def _named(process: ProcessState) -> Message:
    command = plain(process.command, 40)
    if process.thread_of is not None:
        return msg("{command}, thread {tid} of PID {pid}", command=command, tid=str(process.pid),
                   pid=str(process.thread_of))  # fmt: skip
    return msg("{command}, PID {pid}", command=command, pid=str(process.pid))

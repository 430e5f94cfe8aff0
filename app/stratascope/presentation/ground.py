"""The process above the layers and the ground below them, in words: the kernel, its flaws and guards, and the engine.

The rows of the ground neither stop nor open threats, and do not affect the exposure.
"""

from __future__ import annotations

from stratascope.core.container import Container, Engine, Status, other_kernel
from stratascope.core.ground import Ground
from stratascope.core.layer import Row, Tone
from stratascope.core.message import Message, msg, plural, verbatim
from stratascope.core.options.rules import rules_of
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.linux.machine import FlawState
from stratascope.presentation.takeover import runs
from stratascope.presentation.terms import STATUSES

_FLAWS, _SMT, _GUARDS = msg("CPU vulnerabilities"), msg("Threads per core"), msg("Protection of shared directories")
_FLAWS_NOTE = msg(
    "Through these a process can read memory that is not its own, and no layer stops it: kernel and microcode "
    "updates do."
)
_SMT_NOTE = msg("Two threads that share a core can learn from each other's traces there.")
_GUARDS_NOTE = msg(
    "In world-writable directories such as /tmp, these keep a user's links and files from misleading others."
)
_SMT_WORDS = {
    "on": msg("On: programs share cores"),
    "off": msg("Switched off"),
    "forceoff": msg("Switched off"),
    "notsupported": msg("This CPU has none"),
    "notimplemented": msg("Not known to this kernel"),
}
_KINDS = ("hardlinks", "symlinks", "fifos", "regular")


def ground_rows(ground: Ground) -> tuple[Row, ...]:
    """Rows about the kernel; empty if it was not read. Rows without a value are left out."""
    if not ground.kernel:
        return ()
    rows = [_flaws(ground)]
    if word := _SMT_WORDS.get(ground.smt):
        rows.append(Row(_SMT, word, "/sys/devices/system/cpu/smt/control", note=_SMT_NOTE))
    guards = [(kind, ground.sysctl(f"fs.protected_{kind}")) for kind in _KINDS]
    if told := ", ".join(f"{kind} {value}" for kind, value in guards if value is not None):
        tone = Tone.WARN if any(value == "0" for _, value in guards) else Tone.GOOD
        rows.append(Row(_GUARDS, verbatim(told), "/proc/sys/fs/protected_*", tone, note=_GUARDS_NOTE))
    return tuple(rows)


def _flaws(ground: Ground) -> Row:
    source = "/sys/devices/system/cpu/vulnerabilities"
    if ground.cpu_flaws is None:
        return Row(_FLAWS, msg("Not readable"), source, Tone.UNKNOWN, note=_FLAWS_NOTE)
    value, tone = _flaw_words(ground)
    return Row(_FLAWS, value, source, tone, note=_FLAWS_NOTE)


def _flaw_words(ground: Ground) -> tuple[Message, Tone]:
    flaws = ground.cpu_flaws or ()
    states = (FlawState.VULNERABLE, FlawState.IN_PART, FlawState.UNKNOWN)
    still, part, unknown = (tuple(flaw.name for flaw in flaws if flaw.state is state) for state in states)
    total, names, more = len(flaws), ", ".join(still), ", ".join(part)
    if still and part:
        text = msg("{count} of {total} open: {names}; partly closed: {more}",
                   count=len(still), total=total, names=names, more=more)  # fmt: skip
        return text, Tone.WARN
    if still:
        return msg("{count} of {total} open: {names}", count=len(still), total=total, names=names), Tone.WARN
    if part:
        return msg("None of {total} open; partly closed: {more}", total=total, more=more), Tone.WARN
    if unknown:
        text = msg("None of {total} known to be open; not known: {names}", total=total, names=", ".join(unknown))
        return text, Tone.UNKNOWN
    return msg("None of {total} open", total=total), Tone.GOOD


def tries_line(matrix: Matrix) -> str:
    """How many threats the process could try."""
    return translate(plural("can try {count} thing", "can try {count} things", len(matrix.threats)))


def process_line(state: ContainerState) -> str:
    """Command, PID, and how many processes there are."""
    if not runs(state):
        return translate(msg("Not running"))
    container = state.container
    if state.would_start:
        return translate(msg("Not running"))
    if container.status is Status.PREDICTED:
        return translate(STATUSES[container.status])  # without a process there is no PID
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
    """The lines below all six layers: the kernel, and the engine."""
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
    """Further facts about the kernel: its security modules, and the rows of the ground."""
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
    name = rules_of(engine).process
    if engine.rootless:
        return translate(msg("{engine} runs without root", engine=name))
    if engine.daemon_uid == 0:
        return translate(msg("{engine} runs as root", engine=name))
    if engine.daemon_uid is None:
        return translate(msg("Which user {engine} runs as is not known", engine=name))
    return translate(msg("{engine} runs as user {uid}", engine=name, uid=str(engine.daemon_uid)))

"""Words shared by all renderers and the window: verdicts, severities, threats, states and ages."""

from __future__ import annotations

from datetime import UTC, datetime

from stratascope.core.container import Container, EngineState, Status
from stratascope.core.layer import Assessment, Verdict
from stratascope.core.message import Message, msg, plural, verbatim
from stratascope.core.sandbox import Group
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.text import size_text
from stratascope.core.threats.threat import Basis, Family, Outcome, Ruling, Stance
from stratascope.i18n.translate import translate

VERDICTS = {
    Verdict.ENFORCED: msg("Enforced"),
    Verdict.WEAKENED: msg("Weakened"),
    Verdict.OPEN: msg("Open"),
    Verdict.UNKNOWN: msg("Not known"),
}
VERDICTS_AS_ASKED = {
    **VERDICTS,
    Verdict.ENFORCED: msg("Enforced, as asked"),
    Verdict.WEAKENED: msg("Weakened, as asked"),
    Verdict.OPEN: msg("Open, as asked"),
}
VERDICTS_PREDICTED = {
    **VERDICTS,
    Verdict.ENFORCED: msg("Enforced, if run"),
    Verdict.WEAKENED: msg("Weakened, if run"),
    Verdict.OPEN: msg("Open, if run"),
}
SEVERITIES = {
    Severity.CRITICAL: msg("Critical"),
    Severity.HIGH: msg("High"),
    Severity.MEDIUM: msg("Medium"),
    Severity.LOW: msg("Low"),
}
OUTCOMES = {
    Outcome.OPEN: msg("Open"),
    Outcome.UNKNOWN: msg("Not known"),
    Outcome.STOPPED: msg("Stopped"),
}
STANCES = {
    Stance.STOPS: msg("stops it"),
    Stance.LETS_THROUGH: msg("lets it through"),
    Stance.UNKNOWN: msg("not known"),
    Stance.NOT_ITS_JOB: msg("not its job"),
}
STANCES_AS_ASKED = {
    **STANCES,
    Stance.STOPS: msg("stops it, as asked"),
    Stance.LETS_THROUGH: msg("lets it through, as asked"),
}
STANCES_PREDICTED = {
    **STANCES,
    Stance.STOPS: msg("would stop it"),
    Stance.LETS_THROUGH: msg("would let it through"),
}
STANCE_MARKS = {Stance.STOPS: "■", Stance.LETS_THROUGH: "○", Stance.UNKNOWN: "?", Stance.NOT_ITS_JOB: "·"}
STANCE_MARKS_AS_ASKED = {**STANCE_MARKS, Stance.STOPS: "□", Stance.LETS_THROUGH: "◌"}
_VERDICTS = {Basis.KERNEL: VERDICTS, Basis.ASKED: VERDICTS_AS_ASKED, Basis.PREDICTED: VERDICTS_PREDICTED}
_STANCES = {Basis.KERNEL: STANCES, Basis.ASKED: STANCES_AS_ASKED, Basis.PREDICTED: STANCES_PREDICTED}
FAMILIES = {
    Family.HOST: msg("Host"),
    Family.MOUNTS: msg("Mounts"),
    Family.KERNEL: msg("Kernel"),
    Family.NAMESPACES: msg("Namespaces"),
    Family.PROCESSES: msg("Processes"),
    Family.NETWORK: msg("Network"),
    Family.RESOURCES: msg("Resources"),
}
# upper limits and words as in CVSS
_EXPOSURES = (
    (0.05, "none", msg("None")),
    (4.0, "low", msg("Low")),
    (7.0, "medium", msg("Medium")),
    (9.0, "high", msg("High")),
)
ENGINE_STATES = {
    EngineState.CONNECTED: msg("connected"),
    EngineState.DENIED: msg("denied"),
    EngineState.ABSENT: msg("not installed"),
    EngineState.STOPPED: msg("stopped"),
    EngineState.UNREACHABLE: msg("not answering"),
}
STATUSES = {
    Status.CREATED: msg("created, never started"),
    Status.RUNNING: msg("running"),
    Status.PAUSED: msg("paused"),
    Status.RESTARTING: msg("restarting"),
    Status.REMOVING: msg("being removed"),
    Status.STOPPING: msg("stopping"),
    Status.EXITED: msg("exited"),
    Status.DEAD: msg("dead"),
    Status.PREDICTED: msg("not started"),
    Status.UNKNOWN: msg("state not known"),
}
SANDBOX_GROUPS = {
    Group.AGENTS: msg("Agents"),
    Group.APPLICATIONS: msg("Applications"),
    Group.MACHINES: msg("Machines"),
    Group.SERVICES: msg("Services"),
    Group.TASKS: msg("containerd tasks"),
    Group.OTHER: msg("Other sandboxes"),
}


def maker_of(container: Container) -> str:
    """The engine that runs it, or the maker of a sandbox."""
    sandbox = container.sandbox
    return container.engine if sandbox is None else sandbox.maker_title or translate(msg("maker not known"))


def exposure_level(exposure: float) -> str:
    """none, low, medium, high or critical: for colours and classes."""
    return next((level for limit, level, _ in _EXPOSURES if exposure < limit), "critical")


def exposure_word(exposure: float) -> Message:
    """The exposure in a word."""
    return next((word for limit, _, word in _EXPOSURES if exposure < limit), SEVERITIES[Severity.CRITICAL])


def depth_words(depth: tuple[int, int]) -> Message:
    """A depth, or its range if something is unknown: "1" or "1 to 3"."""
    least, most = depth
    if least == most:
        return verbatim(least)
    return msg("{least} to {most}", least=least, most=most)


def moment(seconds: float) -> Message:
    """A point in time, the same wherever it is read: UTC."""
    at = datetime.fromtimestamp(seconds, UTC)
    return msg("{year}-{month}-{day} {hour}:{minute}:{second} UTC", year=f"{at:%Y}", month=f"{at:%m}", day=f"{at:%d}",
               hour=f"{at:%H}", minute=f"{at:%M}", second=f"{at:%S}")  # fmt: skip


def timestamp(seconds: float) -> str:
    """A point in time for programs: RFC 3339 in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def verdict_words(known: Assessment) -> Message:
    """A layer's verdict, marked if only the engine states it, or if it is predicted."""
    return _VERDICTS[known.basis][known.verdict]


def stance_words(ruling: Ruling | None) -> Message:
    """A layer's ruling, marked if only the engine states it, or if it is predicted; None: not its job."""
    return STANCES[Stance.NOT_ITS_JOB] if ruling is None else _STANCES[ruling.basis][ruling.stance]


def stance_mark(ruling: Ruling | None) -> str:
    """A layer's ruling as a mark."""
    if ruling is None:
        return STANCE_MARKS[Stance.NOT_ITS_JOB]
    return (STANCE_MARKS if ruling.basis is Basis.KERNEL else STANCE_MARKS_AS_ASKED)[ruling.stance]


def seconds_text(seconds: float) -> str:
    """A duration: 0.2 s; below a tenth "<0.1 s"."""
    if seconds < 0.05:
        return translate(msg("<0.1 s"))
    return translate(msg("{seconds} s", seconds=f"{seconds:.1f}"))


def since_text(seconds: float) -> str:
    """How long ago, roughly."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 1:
        return translate(msg("just now"))
    if minutes < 60:
        return translate(plural("{count} minute ago", "{count} minutes ago", minutes))
    if minutes < 60 * 48:
        return translate(plural("{count} hour ago", "{count} hours ago", minutes // 60))
    return translate(plural("{count} day ago", "{count} days ago", minutes // (60 * 24)))


def with_words(sentence: Message, words: str) -> Message:
    """A sentence, followed by the original message of engine or system, if there is one."""
    if not words:
        return sentence
    return msg("{sentence} Its message: {words}", sentence=sentence, words=plain(words, 200))


def amount(measure: str, value: float) -> str:
    """An amount of memory, CPU, I/O or things: `212 MiB`, `0.40`, `9`, `3 KiB/s`. The same in every language."""
    if measure == "memory":
        return size_text(value)
    if measure == "io":
        return f"{size_text(value)}/s"
    return f"{value:.2f}" if measure == "cpu" else f"{value:.0f}"

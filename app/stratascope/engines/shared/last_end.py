"""What an engine's answers say of a container's last end. Pure.

Docker keeps in its events (the last 256) who was told to stop, Podman marks the container itself. The state's words are
Docker's for why a start failed; Podman keeps them there, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.container import Status
from stratascope.core.refusals.ended.ending import End
from stratascope.engines.shared.json_reader import JsonObject, parse_object, status_of

_WORDS_MAX = 8000  # characters: a runtime's error may have a whole mount's options in it
_EVENTS_MAX = 1000
_AGAIN = ("always", "unless-stopped", "on-failure")
_SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_DEADLY = frozenset((1, 2, 3, 6, 9, 15))  # of those that people send: signal(7)
# uname(2)'s words for what Go, images and Podman call otherwise: go.dev, internal/platform; containerd, platforms
_MACHINES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i386": "386",
    "i686": "386",
    "loongarch64": "loong64",
}


def machine_named(word: str) -> str:
    """A machine as images name it."""
    return _MACHINES.get(word, word)


def end_of(answer: JsonObject, image: str | None, machine: str, events: str | None) -> End:
    """`image`: the engine's answer about its image; `events`: a line each, of this container, since it began. None: not
    to be had. Raises ValueError.
    """
    state, config = answer.part("State"), answer.part("Config")
    sent, stopped = ((), None) if events is None else _told(events)
    if state.has("StoppedByUser"):
        stopped = state.flag("StoppedByUser")
    variables = dict(word.partition("=")[::2] for word in config.texts("Env") or ())
    status = status_of(state)
    policy = answer.part("HostConfig").part("RestartPolicy").text("Name")
    return End(
        status=status,
        words=state.text("Error")[:_WORDS_MAX],
        exit_code=state.whole("ExitCode") if state.has("ExitCode") and status is not Status.RUNNING else None,
        out_of_memory=state.flag("OOMKilled"),
        begun=state.moment("StartedAt"),
        ended=state.moment("FinishedAt"),
        restarts=answer.whole("RestartCount"),
        again=policy in _AGAIN,
        requested=stopped,
        sent=sent,
        platform=_platform(image),
        machine=machine_named(machine),
        command=tuple(word for word in (answer.text("Path"), *(answer.texts("Args") or ())) if word),
        search=tuple(folder for folder in variables.get("PATH", "").split(":") if folder.startswith("/")) or _SEARCH,
        folder=config.text("WorkingDir"),
    )


def _platform(image: str | None) -> str:
    if image is None:
        return ""
    answer = JsonObject(parse_object(image))
    words = (answer.text("Os"), machine_named(answer.text("Architecture")))
    return "/".join(words) if all(words) else ""


def _told(events: str) -> tuple[tuple[int, ...], bool]:
    """The signals that were sent, and whether somebody had it ended."""
    sent: list[int] = []
    stopped = False
    for item in _events(events):
        match item.text("Action"):
            case "start" | "restart":
                sent, stopped = [], False
            case "kill":
                word = item.part("Actor").part("Attributes").text("signal")
                number = int(word) if word.isascii() and word.isdigit() and len(word) < 3 else 0
                sent.append(number)
                stopped = stopped or number in _DEADLY
            case "stop":
                stopped = True
    return tuple(number for number in sent if number)[-8:], stopped


def _events(text: str) -> Iterator[JsonObject]:
    for line in text.splitlines()[-_EVENTS_MAX:]:
        if line.strip():
            yield JsonObject(parse_object(line))

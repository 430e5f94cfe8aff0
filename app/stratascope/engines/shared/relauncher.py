"""The part shared by both engines' relaunchers: calls with the same form, and a container's current state.

Where the two APIs differ (create, plan, limits, stop), each has its own file.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Generic, TypeVar
from urllib.parse import quote

from stratascope.core.container import Engine, EngineState, Status
from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.refusals.ended.ending import End
from stratascope.core.relaunch.data_volume import Entry
from stratascope.core.relaunch.file_owners import Ids, VolumeChange
from stratascope.core.relaunch.launch_spec import (
    ContainerFile,
    Executed,
    FileChange,
    Health,
    RestartPolicy,
    Running,
    RuntimeState,
)
from stratascope.engines.shared import asked_options, data_volumes, errors, host_files, runtime_state, volume_files
from stratascope.engines.shared.events import plain_log
from stratascope.engines.shared.http_connection import Bounds
from stratascope.engines.shared.json_reader import JsonObject, parse_container, parse_object, status_of, words_of
from stratascope.engines.shared.rest_client import NO_CONTAINER
from stratascope.engines.shared.rest_engine import (
    QUICK,
    SLOW,
    RestEngine,
    command,
    compact,
    found,
    object_of,
    objects_of,
    understood,
)
from stratascope.engines.shared.runtime_state import end_of, read_with_time
from stratascope.engines.shared.volume_files import VolumeFiles

_SESSION_ENDS, _LOOK = 2.0, 0.05  # seconds until an exec session counts as ended, and between two looks
_LINKS_MAX = 4  # engines report a link's final target, so one is enough
_KINDS = {0: "changed", 1: "added", 2: "deleted"}  # containers/storage, archive.ChangeType; Docker's API has the same

E = TypeVar("E", bound=RestEngine)
_KNOWN = 30.0  # seconds for which an engine's description of itself is cached: Podman takes up to half a second for one


class RestRelauncher(ABC, Generic[E]):
    """Half of a `core.ports.Relauncher`, on one engine's connections."""

    def __init__(self, engine: E) -> None:
        self._engine = engine
        self._known: tuple[float, Engine] | None = None
        self._architecture = ""

    @understood()
    def running(self, container: str) -> Running:
        """Its current state."""
        return _running(self._inspect(container))

    @understood()
    def told(self, inspect: str) -> Running:
        """Its state, from inspect JSON. Pure."""
        return _running(inspect)

    @understood()
    def end(self, container: str) -> End:
        """See `core.ports.Relauncher`."""
        answer = parse_container(self._inspect(container))
        image = answer.text("Image")
        return end_of(
            answer,
            found(self._engine, f"/images/{quote(image, safe='')}/json") if image else None,
            self._machine_name(),
            self._events_of(container, answer.part("State")),
        )

    @understood()
    def labelled(self, label: str, value: str) -> tuple[Running, ...]:
        """All containers with that label, running or not; an empty value: whatever its value."""
        return self._listed("label", f"{label}={value}" if value else label)

    @understood()
    def size(self, container: str) -> int | None:
        """Bytes of its writable layer; None if the engine does not report it."""
        path = f"/containers/{container}/json"
        answer = object_of(command(self._engine, "GET", path, {"size": "true"}, silence=SLOW, container=container))
        return answer.whole("SizeRw") if answer.has("SizeRw") else None

    def remove_image(self, name: str) -> None:
        """Remove that tag, and the image with its last one. No error if it is missing or still in use."""
        command(self._engine, "DELETE", f"/images/{name}", {"force": "false"}, silence=SLOW, well=(404, 409))

    @understood()
    def file(self, container: str, path: str, most: int, seconds: float) -> ContainerFile | None:
        """See `core.ports.Relauncher`. Podman sends a link's target, Docker the link."""
        until = time.monotonic() + seconds
        for _ in range(_LINKS_MAX):
            bounds = Bounds(max(0.0, until - time.monotonic()), seconds, most + host_files.OVERHEAD)
            try:
                status, head, body = self._engine.get_if(
                    f"/containers/{container}/archive", {"path": path}, bounds, host_files.may_hold_file
                )
            except OSError:  # larger than the limit
                return ContainerFile(path, 0, None)
            if status == 404:
                if NO_CONTAINER in words_of(body).lower():
                    raise NoSuchContainerError(words_of(body))
                return None
            if status >= 300:
                raise errors.refusal(words_of(body) or f"HTTP {status}")
            if not body:
                return None
            target = host_files.link_target(head)
            if (found := host_files.file_in(body, target or path)) is not None or not target.startswith("/"):
                return found
            path = target
        return None

    def put(self, container: str, path: str, archive: bytes) -> None:
        """See `core.ports.Relauncher`."""
        params = {"path": path, "copyUIDGID": "false"}  # owners as in the archive, which Podman does not keep otherwise
        command(self._engine, "PUT", f"/containers/{container}/archive", params, archive, silence=SLOW,
                container=container)  # fmt: skip

    def has_path(self, container: str, path: str) -> bool:
        """See `core.ports.Relauncher`."""
        head = self._engine.head_of(f"/containers/{container}/archive", {"path": path})
        return head is not None and not host_files.is_socket(head)

    def no_owners(self) -> Message | None:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        return self._volumes().no_owners()

    def volume_change(self, source: str, was: Ids, becomes: Ids) -> VolumeChange:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        change = VolumeChange(source, was, becomes)
        with self._volumes().top(source) as top:
            return volume_files.listed(top, change)

    def give_volume(self, change: VolumeChange) -> None:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        with self._volumes().top(change.source) as top:
            volume_files.give(top, change)

    def take_volume_back(self, change: VolumeChange) -> None:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        with self._volumes().top(change.source) as top:
            volume_files.take_back(top, change)

    def not_given(self, change: VolumeChange) -> tuple[str, ...]:
        """See `core.relaunch.file_owners.VolumeOwners`."""
        with self._volumes().top(change.source) as top:
            return volume_files.not_given(top, change)

    @understood()
    def volume_names(self) -> tuple[str, ...]:
        """See `core.relaunch.data_volume.DataVolumes`."""
        return self._volumes_with("", "")

    @understood()
    def remove_volumes(self, label: str, value: str) -> None:
        """See `core.relaunch.data_volume.DataVolumes`."""
        data_volumes.remove(self._engine, self._volumes_with(label, value))

    @understood()
    def contents(self, container: str, path: str, expected: Collection[Entry] = ()) -> Iterator[Entry]:
        """See `core.relaunch.data_volume.DataVolumes`."""
        return data_volumes.contents(self._engine, container, path)

    @abstractmethod
    def _volumes_with(self, label: str, value: str) -> tuple[str, ...]:
        """Names of the volumes with that label, of all without one."""

    @abstractmethod
    def start(self, container: str) -> None: ...

    @abstractmethod
    def stop(self, container: str, seconds: int) -> None: ...

    @abstractmethod
    def restart(self, container: str, seconds: int) -> None:
        """Stop, with that timeout, and start."""

    @abstractmethod
    def log(self, container: str, lines: int) -> str: ...

    @understood()
    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """See `core.ports.Relauncher`."""
        wanted = compact({"Cmd": list(words), "AttachStdout": True, "AttachStderr": True})
        number = object_of(self._tell(container, "exec", data=wanted)).text("Id")
        if not number.isalnum():
            raise ValueError("an exec session without an id")
        start = compact({"Detach": False, "Tty": False})
        body = command(self._engine, "POST", f"/exec/{number}/start", None, start, silence=seconds)
        return Executed(self._exit_code(number), plain_log(body, tty=False))

    def _exit_code(self, number: str) -> int | None:
        """Of an exec session, which the engine may take for running shortly after its output has ended."""
        until = time.monotonic() + _SESSION_ENDS
        while (told := found(self._engine, f"/exec/{number}/json")) is not None:
            session = JsonObject(parse_object(told))
            code = session.raw("ExitCode")
            if type(code) is int and session.raw("Running") is not True:
                return code
            if time.monotonic() > until:
                break
            time.sleep(_LOOK)
        return None

    def _state(self, answer: JsonObject) -> RuntimeState:
        """Its state for warnings. What the engine refuses to report is left out."""
        container = answer.text("Id")
        return RuntimeState(
            restarts=answer.whole("RestartCount"),
            attached=runtime_state.attached(answer),
            sessions=self._sessions(answer),
            healthcheck=runtime_state.has_healthcheck(answer),
            health=_health(answer),
            log=runtime_state.keeps_log(answer) and self._printed(container),
            networks=self._lost_networks(answer),
            edited=self._edited(answer),
        )

    def _sessions(self, answer: JsonObject) -> int:
        count = 0
        for number in answer.texts("ExecIDs") or ():
            with suppress(RefusedError):
                text = found(self._engine, f"/exec/{number}/json")
                count += text is not None and runtime_state.is_session(JsonObject(parse_object(text)), answer)
        return count

    def _printed(self, container: str) -> bool:
        with suppress(RefusedError):
            return bool(self.log(container, 1))
        return False

    def _lost_networks(self, answer: JsonObject) -> tuple[str, ...]:
        """Networks whose name now refers to another network, or to none."""
        lost = []
        for name, number in asked_options.network_ids(answer).items():
            with suppress(RefusedError):
                text = found(self._engine, self._network_path(quote(name, safe="")))
                if text is None or number not in ("", self._network_id(JsonObject(parse_object(text)))):
                    lost.append(name)
        return tuple(lost)

    def _machine_name(self) -> str:
        """The machine's name as in images."""
        if not self._architecture:
            self._architecture = object_of(command(self._engine, "GET", "/version")).text("Arch")
        return self._architecture

    def _events_of(self, container: str, state: JsonObject) -> str | None:
        """The container's events from its start to its end, one line each; None if unavailable.

        By the engine's own clock: with an `until` in the future the call would wait.
        """
        begun, ended = state.moment("StartedAt"), state.moment("FinishedAt")
        with suppress(RefusedError):
            params = {"since": str(int(begun)), "until": str(int(max(begun, ended)) + 1),
                      "filters": json.dumps({"type": ["container"], "container": [container]})}  # fmt: skip
            return command(self._engine, "GET", "/events", params, container=container).decode("utf-8", "replace")
        return None

    def _network_path(self, name: str) -> str:
        return f"/networks/{name}"

    def _network_id(self, answer: JsonObject) -> str:
        return answer.text("Id")

    def _edited(self, answer: JsonObject) -> tuple[str, ...]:
        """Read the files where the engine keeps them, if this user may. Decided against its archive call, which would
        allow anybody to read them: for it Docker mounts everything again, and creates the directories of missing host
        paths.
        """
        seen = {}
        for path, place in runtime_state.named_files(answer).items() if not self._engine.shell else ():
            with suppress(OSError, ValueError):
                seen[path] = runtime_state.Seen(*read_with_time(place))
        return runtime_state.edited(answer, seen, runtime_state.machine_lines()) if seen else ()

    def _volumes(self) -> VolumeFiles:
        return VolumeFiles(self._connected().endpoint)

    def _connected(self) -> Engine:
        """The engine as it describes itself; raises EngineError if it can't be used."""
        now = time.monotonic()
        if self._known is not None and now - self._known[0] < _KNOWN:
            return self._known[1]
        engine = self._engine.describe()
        if engine.state is not EngineState.CONNECTED:
            raise EngineError(engine.state, engine.message or errors.nonsense(), engine.error)
        self._known = now, engine
        return engine

    def _tell(
        self,
        container: str,
        verb: str,
        params: Mapping[str, str] | None = None,
        data: str | None = None,
        silence: float = QUICK,
    ) -> bytes:
        path = f"/containers/{container}/{verb}"
        return command(self._engine, "POST", path, params, data, silence=silence, container=container)

    def _inspect(self, container: str) -> str:
        """Inspect JSON, including the values of its environment."""
        body = command(self._engine, "GET", f"/containers/{container}/json", container=container)
        return body.decode("utf-8", "replace")

    def _changed_files(self, container: str) -> tuple[FileChange, ...]:
        path = f"/containers/{container}/changes"
        items = objects_of(command(self._engine, "GET", path, silence=SLOW, container=container))
        return tuple(
            FileChange(item.text("Path"), _KINDS.get(item.whole("Kind"), "changed")) for item in map(JsonObject, items)
        )

    def _listed(self, kind: str, value: str) -> tuple[Running, ...]:
        params = {"all": "true", "filters": json.dumps({kind: [value]})}
        states = []
        for item in objects_of(command(self._engine, "GET", "/containers/json", params)):
            with suppress(NoSuchContainerError):  # it vanished meanwhile
                states.append(self.running(JsonObject(item).text("Id")))
        return tuple(states)

    def _check_policy(self, container: str, policy: RestartPolicy) -> None:
        """Verify the policy: engines return success for what they ignore."""
        now = _policy(parse_container(self._inspect(container)))
        if now != policy.name:
            raise errors.refusal(f"RestartPolicy: {now}")

    def _unreadable(self, words: str) -> EngineError:
        text = msg("The runtime's own file about this container can't be read here.")
        return EngineError(EngineState.CONNECTED, text, words)


def _health(answer: JsonObject) -> Health:
    word = answer.part("State").part("Health").text("Status")
    return Health(word) if word in set(Health) else Health.NONE


def _policy(answer: JsonObject) -> str:
    return answer.part("HostConfig").part("RestartPolicy").text("Name") or "no"


def _running(inspect: str) -> Running:
    answer = parse_container(inspect)
    state, status = answer.part("State"), status_of(answer.part("State"))
    pid = state.whole("Pid")
    ended = status in (Status.EXITED, Status.DEAD) or answer.whole("RestartCount") > 0
    return Running(
        id=answer.text("Id"),
        name=answer.text("Name").removeprefix("/"),  # Docker's begin with a slash, and no name can
        status=status.value,
        pid=pid if pid > 0 else None,
        exit_code=state.whole("ExitCode") if ended else None,
        restarts=answer.whole("RestartCount"),
        health=_health(answer),
        labels=answer.part("Config").pairs("Labels"),
        error=state.text("Error"),
        out_of_memory=state.flag("OOMKilled"),
        published=_published(answer.part("NetworkSettings").part("Ports")),
        created=answer.moment("Created"),
        restart=_policy(answer),
        mounted=tuple(mount.text("Source") for mount in answer.parts("Mounts")),
    )


def _published(ports: JsonObject) -> tuple[int, ...]:
    """TCP host ports in `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}], "81/tcp": null}`, of either
    engine.
    """
    texts = {
        binding.text("HostPort") for name in ports.names() if name.endswith("/tcp") for binding in ports.parts(name)
    }
    return tuple(sorted(int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 6))


# -- what engines themselves put into a container's writable layer, which appears in lists of its changes
# Mount points, working directories, files written at each start: a new container gets new ones. Decided against
# recognizing them by the layer alone: it does not show who wrote a file, so each is identified by the option that
# causes it.

# Made in every container by engines, and by nobody else
ALWAYS = ("/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/run/.containerenv")
INIT = ("/dev/init", "/run/podman-init", "/sbin/docker-init")  # --init, by engine and age: mount points


def without(changes: Iterable[FileChange], made: Collection[str]) -> tuple[FileChange, ...]:
    """Drop these paths and the directories that lead to them; what the program put below one of them stays."""
    places = [place.rstrip("/") for place in made if place.startswith("/")]
    above = {place[:end] for place in places for end in range(1, len(place)) if place[end] == "/"}
    return tuple(change for change in changes if change.path not in places and change.path not in above)

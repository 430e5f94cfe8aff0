"""What hardening asks of a Docker engine: create, start, stop, rename … by whole id, with time limits.

Decided against the SDK's methods: they have no field for a process limit or cores, and build requests of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratascope.core.container import Asked, Engine, EngineState, Status
from stratascope.core.launch import (
    ORIGINAL,
    Created,
    FileChange,
    Health,
    LaunchSpec,
    Limits,
    RestartPolicy,
    Running,
)
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.engines import advice, docker_options
from stratascope.engines.answer import Answer, parse_container, parse_object, status_of
from stratascope.engines.command import (
    COMMIT,
    SLOW,
    STOP_MARGIN,
    command,
    compact,
    found,
    object_of,
    objects_of,
    refusal,
    understood,
)
from stratascope.engines.docker_launch import Around, launch_spec
from stratascope.engines.docker_log import plain_log
from stratascope.engines.docker_mounts import target

if TYPE_CHECKING:
    from stratascope.engines.docker import DockerEngine

_KINDS = {0: "changed", 1: "added", 2: "deleted"}  # Docker's API, ContainerChanges
_NETWORKS_AT_CREATE = (1, 44)  # the first API that takes more than one network in create


class DockerRelauncher:
    """A `core.ports.Relauncher` on the connections of one engine."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._described: Engine | None = None

    @understood()
    def plan(self, container: str) -> LaunchSpec:
        """Everything needed to create it again. Raises EngineError, NoSuchContainerError."""
        engine = self._described = self._engine.describe()
        if engine.state is not EngineState.CONNECTED:
            raise EngineError(engine.state, engine.message or advice.nonsense(), engine.error)
        inspect = self._inspect(container)
        answer = parse_container(inspect)
        image = found(self._engine, f"/images/{answer.text('Image')}/json")
        tagged = found(self._engine, f"/images/{answer.part('Config').text('Image')}/json")
        around = Around(
            image=image,
            tagged="" if tagged is None else Answer(parse_object(tagged)).text("Id"),
            host_name=object_of(command(self._engine, "GET", "/info")).text("Name"),
            borrowed=self._borrowed(answer),
        )
        return launch_spec(inspect, engine, around)

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        """Pure. Raises core.toggle.ToggleError for what Docker can't do."""
        default = "builtin" if self._described is None else self._described.facts.seccomp_profile or "builtin"
        return docker_options.body(spec, asked, default)

    @understood()
    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        """Create, not start. The container is removed again where its image is not the original's by now."""
        request = parse_object(body)
        request["Labels"] = {**(request.get("Labels") or {}), **labels}
        later = self._later_networks(request)
        answer = object_of(
            command(self._engine, "POST", "/containers/create", {"name": name}, compact(request), silence=SLOW)
        )
        made = Created(answer.text("Id"), answer.texts("Warnings") or ())
        try:
            for network, endpoint in later.items():
                data = compact({"Container": made.id, "EndpointConfig": endpoint})
                command(self._engine, "POST", f"/networks/{network}/connect", data=data, container=made.id)
            self._check_image(made.id, str(request.get("Image")), labels.get(ORIGINAL, ""))
        except BaseException:
            with suppress(EngineError, NoSuchContainerError):
                self.remove(made.id)
            raise
        return made

    def start(self, container: str) -> None:
        """No error if it runs."""
        self._tell(container, "start", silence=SLOW)

    def stop(self, container: str, seconds: int) -> None:
        """SIGTERM (or its stop signal), and SIGKILL after so many seconds; returns when it has stopped."""
        self._tell(container, "stop", {"t": str(seconds)}, silence=seconds + STOP_MARGIN)

    def rename(self, container: str, name: str) -> None:
        self._tell(container, "rename", {"name": name})

    def remove(self, container: str) -> None:
        """Also one that runs. Its volumes stay, anonymous ones too."""
        command(
            self._engine,
            "DELETE",
            f"/containers/{container}",
            {"force": "true", "v": "false"},
            silence=SLOW,
            container=container,
        )

    @understood()
    def restart_policy(self, container: str, policy: RestartPolicy) -> None:
        wanted = {"Name": policy.name, "MaximumRetryCount": policy.retries}
        self._tell(container, "update", data=compact({"RestartPolicy": wanted}))
        now = parse_container(self._inspect(container)).part("HostConfig").part("RestartPolicy")
        if (now.text("Name") or "no") != policy.name:
            raise self._ignored(f"RestartPolicy: {now.text('Name')}")

    @understood()
    def limit(self, container: str, limits: Limits) -> None:
        """Change limits of a running container; reads them again, since Docker answers 200 to what it ignores."""
        host = parse_container(self._inspect(container)).part("HostConfig")
        wanted = docker_options.live_options(
            {key: host.raw(key) for key in host.names()}, limits
        )  # fmt: skip
        if not wanted:
            return
        answer = object_of(self._tell(container, "update", data=compact(wanted)))
        now = parse_container(self._inspect(container)).part("HostConfig")
        ignored = [f"{key}: {now.raw(key)}" for key, value in wanted.items() if (now.raw(key) or 0) != value]
        warnings = answer.texts("Warnings") or ()
        if ignored or warnings:
            raise self._ignored("; ".join((*ignored, *warnings)))

    @understood()
    def running(self, container: str) -> Running:
        """How it is doing now."""
        return self._running(self._inspect(container))

    @understood()
    def labelled(self, label: str, value: str) -> tuple[Running, ...]:
        """All containers with that label, running or not; an empty value: whatever its value."""
        return self._listed("label", f"{label}={value}" if value else label)

    @understood()
    def named(self, name: str) -> Running | None:
        """The container of that name."""
        listed = self._listed("name", f"^/?{re.escape(name)}$")
        return next((each for each in listed if each.name == name), None)

    @understood()
    def changes(self, container: str) -> tuple[FileChange, ...]:
        """What its writable layer holds over its image."""
        body = command(
            self._engine, "GET", f"/containers/{container}/changes", silence=SLOW, container=container
        )  # fmt: skip
        return tuple(
            FileChange(item.text("Path"), _KINDS.get(item.whole("Kind"), "changed"))
            for item in map(Answer, objects_of(body))
        )

    @understood()
    def size(self, container: str) -> int | None:
        """Bytes of its writable layer; None where the engine does not say."""
        body = command(
            self._engine,
            "GET",
            f"/containers/{container}/json",
            {"size": "true"},
            silence=SLOW,
            container=container,
        )
        answer = object_of(body)
        return answer.whole("SizeRw") if answer.has("SizeRw") else None

    @understood()
    def log(self, container: str, lines: int) -> str:
        """The last lines that it printed, both streams, foreign text. RefusedError where its log can't be read."""
        tty = parse_container(self._inspect(container)).part("Config").flag("Tty")
        params = {"stdout": "true", "stderr": "true", "tail": str(lines)}
        body = command(self._engine, "GET", f"/containers/{container}/logs", params, container=container)
        return plain_log(body, tty)

    @understood()
    def commit(self, container: str, repository: str) -> str:
        """Its writable layer as an image (it is paused meanwhile); returns the image's id."""
        params = {"container": container, "repo": repository, "pause": "true"}
        body = command(self._engine, "POST", "/commit", params, "{}", silence=COMMIT, container=container)
        image: str = object_of(body).text("Id")
        return image

    @understood()
    def oci_config(self, container: str) -> str:
        """The runtime's resolved config.json, while it runs here and where this user may read it."""
        if self._engine.shell:
            raise self._unreadable("the engine is on another machine")
        pid = parse_container(self._inspect(container)).part("State").whole("Pid")
        try:
            # containerd's shim, the parent, works in the folder of the container's bundle (containerd, runtime v2)
            status = Path(f"/proc/{pid}/status").read_text()
            parent = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:"))
            folder = Path(f"/proc/{parent}/cwd")
            if folder.readlink().name != container:
                raise OSError(f"process {pid} is not of this machine")
            return (folder / "config.json").read_text("utf-8")
        except (OSError, StopIteration, ValueError) as error:
            raise self._unreadable(str(error)) from error

    # Below: how it is done

    def _tell(
        self,
        container: str,
        verb: str,
        params: Mapping[str, str] | None = None,
        data: str | None = None,
        silence: float = 30.0,
    ) -> bytes:
        path = f"/containers/{container}/{verb}"
        return command(self._engine, "POST", path, params, data, silence=silence, container=container)

    def _inspect(self, container: str) -> str:
        """With the values of its environment."""
        body = command(self._engine, "GET", f"/containers/{container}/json", container=container)
        return body.decode("utf-8", "replace")

    def _borrowed(self, answer: Answer) -> frozenset[str]:
        """Where mounts of other containers (volumes-from) are."""
        places: set[str] = set()
        for word in answer.part("HostConfig").texts("VolumesFrom") or ():
            text = found(self._engine, f"/containers/{word.partition(':')[0]}/json")
            if text is not None:
                places |= {target(mount.text("Destination")) for mount in parse_container(text).parts("Mounts")}
        return frozenset(places)

    def _later_networks(self, request: dict[str, Any]) -> dict[str, Any]:
        """Takes all networks but the first out of the request, for engines that take only one there."""
        networks = (request.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        if len(networks) < 2 or self._engine.api() >= _NETWORKS_AT_CREATE:
            return {}
        mode = request["HostConfig"].get("NetworkMode")
        first = mode if mode in networks else next(iter(networks))
        request["NetworkingConfig"] = {"EndpointsConfig": {first: networks[first]}}
        return {name: endpoint for name, endpoint in networks.items() if name != first}

    def _check_image(self, new: str, image: str, original: str) -> None:
        """A tag may have moved between the plan and now."""
        if image.startswith("sha256:") or not original:
            return
        made = parse_container(self._inspect(new)).text("Image")
        meant = parse_container(self._inspect(original)).text("Image")
        if made != meant:
            words = f"{image} is {made}, not {meant}"
            raise RefusedError(
                EngineState.CONNECTED, msg("The name of its image means another image by now. Try again."), words
            )

    def _listed(self, kind: str, value: str) -> tuple[Running, ...]:
        params = {"all": "true", "filters": json.dumps({kind: [value]})}
        listed = objects_of(command(self._engine, "GET", "/containers/json", params))
        states = []
        for item in listed:
            with suppress(NoSuchContainerError):  # it went away meanwhile
                states.append(self.running(Answer(item).text("Id")))
        return tuple(states)

    def _running(self, inspect: str) -> Running:
        answer = parse_container(inspect)
        state, status = answer.part("State"), status_of(answer.part("State"))
        pid, health = state.whole("Pid"), state.part("Health").text("Status")
        ended = status in (Status.EXITED, Status.DEAD) or answer.whole("RestartCount") > 0
        return Running(
            id=answer.text("Id"),
            name=answer.text("Name").removeprefix("/"),
            status=status.value,
            pid=pid if pid > 0 else None,
            exit_code=state.whole("ExitCode") if ended else None,
            restarts=answer.whole("RestartCount"),
            health=Health(health) if health in set(Health) else Health.NONE,
            labels=answer.part("Config").pairs("Labels"),
            error=state.text("Error"),
        )

    def _ignored(self, words: str) -> RefusedError:
        return RefusedError(EngineState.CONNECTED, refusal(words), words)

    def _unreadable(self, words: str) -> EngineError:
        return EngineError(
            EngineState.CONNECTED, msg("The runtime's own file about this container can't be read here."), words
        )

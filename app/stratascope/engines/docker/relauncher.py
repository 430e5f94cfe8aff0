"""Relaunches on a Docker engine: create, start, stop, rename … by full id, with time limits.

Calls that change something use the SDK where it sends the same request (`engines/shared/sdk.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stratascope.core.container import Asked, Engine, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.data_volume import DataVolume
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import (
    IMAGES,
    ORIGINAL,
    TWIN,
    Created,
    FileChange,
    Health,
    LaunchSpec,
    PlainOptions,
    RestartPolicy,
    Running,
    TwinMount,
)
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.engines.docker import apply_options
from stratascope.engines.docker.mounts import target
from stratascope.engines.docker.recreate import EngineAnswers, launch_spec, repointed, with_image
from stratascope.engines.shared import data_volumes, volume_files
from stratascope.engines.shared.errors import refusal
from stratascope.engines.shared.events import plain_log
from stratascope.engines.shared.json_reader import JsonObject, parse_container, parse_object
from stratascope.engines.shared.relauncher import ALWAYS, INIT, RestRelauncher, without
from stratascope.engines.shared.rest_engine import (
    COMMIT,
    QUICK,
    SLOW,
    STOP_MARGIN,
    command,
    compact,
    found,
    object_of,
    understood,
)
from stratascope.engines.shared.runtime_state import read_config_here
from stratascope.linux.process import parse_status
from stratascope.value import replace

if TYPE_CHECKING:
    from stratascope.engines.docker.engine import DockerEngine

_NETWORKS_AT_CREATE = (1, 44)  # the first API version that accepts several networks in create


class DockerRelauncher(RestRelauncher["DockerEngine"]):
    """A `core.ports.Relauncher` on one engine's connections."""

    def __init__(self, engine: DockerEngine) -> None:
        super().__init__(engine)
        self._described: Engine | None = None
        self._machine = ""

    @understood()
    def plan(self, container: str) -> LaunchSpec:
        """Everything needed to create it again. Raises EngineError, NoSuchContainerError."""
        engine = self._described = self._connected()
        inspect = self._inspect(container)
        answer = parse_container(inspect)
        image = found(self._engine, f"/images/{answer.text('Image')}/json")
        tagged = found(self._engine, f"/images/{answer.part('Config').text('Image')}/json")
        around = EngineAnswers(
            image=image,
            tagged="" if tagged is None else JsonObject(parse_object(tagged)).text("Id"),
            host_name=self._host_name(),
            borrowed=self._borrowed(answer),
        )
        return replace(launch_spec(inspect, engine, around), state=self._state(answer))

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        """Pure. Raises core.relaunch.toggle.ToggleError for what Docker can't do."""
        default = "builtin" if self._described is None else self._described.facts.seccomp_profile or "builtin"
        return apply_options.body(spec, asked, default)

    def with_image(self, body: str, image: str, name: str) -> str:
        """Pure. By name: `docker ps` shows it, and it keeps a prune from removing the image."""
        return with_image(body, name)

    def repointed(self, body: str, moved: Mapping[str, str]) -> str:
        """Pure."""
        return repointed(body, moved)

    def twin(
        self, spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str = ""
    ) -> str:
        """Pure. Raises core.relaunch.toggle.ToggleError for what can't be overlaid."""
        return apply_options.twin(spec, body, number, mounts, cgroup_parent)

    @understood()
    def import_image(self, name: str, archive: bytes) -> None:
        """See `core.ports.Relauncher`."""
        repository, _, tag = name.rpartition(":")
        params = {"fromSrc": "-", "repo": repository, "tag": tag}
        command(self._engine, "POST", "/images/create", params, archive, silence=SLOW)

    def plain(self, image: str, words: Sequence[str], options: PlainOptions) -> str:
        """Pure. See `core.ports.Relauncher`."""
        return apply_options.plain(image, words, options)

    def attempting(self, spec: LaunchSpec, body: str, twin: str, program: str, words: Sequence[str]) -> str:
        """Pure. See `core.ports.Relauncher`."""
        return apply_options.attempting(body, twin, program, words)

    @understood()
    def overlay(self, number: str, mounts: tuple[TwinMount, ...]) -> None:
        """Create three volumes for each. Raises core.relaunch.toggle.ToggleError for what can't be overlaid."""
        wanted = apply_options.volumes(number, mounts)
        if wanted and self._engine.api() < apply_options.SUBPATH:
            raise ToggleError(msg("A copy's volumes are overlays, which requires Docker 26 or newer."))
        for volume in (mount.volume for mount in mounts if mount.overlaid and mount.volume):
            self._check_plain(volume)
        for place, mount in enumerate(mounts):
            if mount.fresh:
                self._volume(apply_options.twin_volume(number, place), number)
        for name, lower in wanted:
            upper, work = (self._volume(f"{name}-{end}", number) for end in ("upper", "work"))
            self._volume(name, number, apply_options.overlay_options(lower, upper, work))

    @understood()
    def remove_overlays(self, number: str) -> None:
        """Remove all volumes with that twin's label."""
        for name in self._volumes_with(TWIN, number):
            with self._engine.sdk(SLOW, well=(404,)) as sdk:
                sdk.remove_volume(name)

    @understood()
    def make_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """See `core.relaunch.data_volume.DataVolumes`."""
        request = compact({"Name": name, "Driver": "local", "Labels": dict(labels)})
        data_volumes.make(self._engine, "/volumes/create", request, name, labels)

    def filling(self, body: str, volumes: tuple[DataVolume, ...]) -> str:
        """Pure: Docker fills volumes when it creates a container, unless told not to."""
        return apply_options.filling(body, volumes)

    def _volumes_with(self, label: str, value: str) -> tuple[str, ...]:
        answer = object_of(command(self._engine, "GET", "/volumes", data_volumes.labelled(label, value)))
        return tuple(item.text("Name") for item in answer.parts("Volumes"))

    @understood()
    def give_twin(
        self, container: str, number: str, mounts: tuple[TwinMount, ...], changes: tuple[VolumeChange, ...]
    ) -> None:
        """Change owners in the overlays, mounted for a moment, and in its fresh volumes."""
        wanted = {change.source: change for change in changes}
        for mount, (name, lower) in zip(
            (each for each in mounts if each.overlaid), apply_options.volumes(number, mounts), strict=True
        ):
            if mount.source in wanted:
                upper, work = (self._place(f"{name}-{end}") for end in ("upper", "work"))
                with self._volumes().layers(mount.source, lower, upper, work) as top:
                    volume_files.give(top, wanted[mount.source])
        for place, mount in enumerate(mounts):
            if mount.fresh and mount.source in wanted:
                with self._volumes().top(self._place(apply_options.twin_volume(number, place))) as top:
                    volume_files.give(top, wanted[mount.source])

    def check_health(self, container: str) -> Health:
        """Its health: Docker runs the check itself."""
        return self.running(container).health

    @understood()
    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        """Create, not start. The container is removed again if its image is no longer the original's."""
        request = parse_object(body)
        request["Labels"] = {**(request.get("Labels") or {}), **labels}
        later = self._later_networks(request)
        with self._engine.sdk(SLOW) as sdk:
            create: Any = sdk.create_container_from_config  # untyped
            answer = JsonObject(create(request, name))
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
        with self._engine.sdk(SLOW, container) as sdk:
            sdk.start(container)

    def stop(self, container: str, seconds: int) -> None:
        """Stop by SIGTERM (or its stop signal), and SIGKILL after that many seconds; returns when it has stopped."""
        with self._engine.sdk(seconds + STOP_MARGIN, container) as sdk:
            sdk.stop(container, seconds)

    def restart(self, container: str, seconds: int) -> None:
        """Stop as above, then start."""
        with self._engine.sdk(seconds + SLOW + STOP_MARGIN, container) as sdk:
            sdk.restart(container, seconds)

    def initialize(self, container: str) -> int | None:
        """Nothing: Docker has no separate initialization."""

    def signal(self, container: str, name: str) -> None:
        """See `core.ports.Relauncher`."""
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.kill(container, f"SIG{name}")

    def rename(self, container: str, name: str) -> None:
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.rename(container, name)

    def remove(self, container: str) -> None:
        """Remove it, also while it runs. Its volumes stay, anonymous ones too."""
        with self._engine.sdk(SLOW, container) as sdk:
            sdk.remove_container(container, force=True)

    @understood()
    def restart_policy(self, container: str, policy: RestartPolicy) -> None:
        wanted: Any = {"Name": policy.name, "MaximumRetryCount": policy.retries}
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.update_container(container, restart_policy=wanted)
        self._check_policy(container, policy)

    @understood()
    def limit(self, container: str, limits: Asked) -> None:
        """Change limits of a running container; reads them again, since Docker returns 200 for what it ignores."""
        host = parse_container(self._inspect(container)).part("HostConfig")
        wanted = apply_options.live_options(
            {key: host.raw(key) for key in host.names()}, limits
        )  # fmt: skip
        if not wanted:
            return
        answer = object_of(self._tell(container, "update", data=compact(wanted)))
        now = parse_container(self._inspect(container)).part("HostConfig")
        ignored = [f"{key}: {now.raw(key)}" for key, value in wanted.items() if (now.raw(key) or 0) != value]
        warnings = answer.texts("Warnings") or ()
        if ignored or warnings:
            raise refusal("; ".join((*ignored, *warnings)))

    @understood()
    def named(self, name: str) -> Running | None:
        """The container of that name."""
        listed = self._listed("name", f"^/?{re.escape(name)}$")
        return next((each for each in listed if each.name == name), None)

    @understood()
    def changes(self, container: str) -> tuple[FileChange, ...]:
        """Files in its writable layer, without those that the engine makes."""
        folder = parse_container(self._inspect(container)).part("Config").text("WorkingDir")
        return without(self._changed_files(container), (*ALWAYS, *INIT, folder))

    @understood()
    def log(self, container: str, lines: int) -> str:
        """The last lines of output, both streams, untrusted text. RefusedError if its log can't be read."""
        tty = parse_container(self._inspect(container)).part("Config").flag("Tty")
        params = {"stdout": "true", "stderr": "true", "tail": str(lines)}
        body = command(self._engine, "GET", f"/containers/{container}/logs", params, container=container)
        return plain_log(body, tty)

    @understood()
    def commit(self, container: str, repository: str) -> str:
        """Commit its writable layer as an image (it is paused meanwhile); returns the image's id."""
        with self._engine.sdk(COMMIT, container) as sdk:
            return JsonObject(sdk.commit(container, repository)).text("Id")

    @understood()
    def oci_config(self, container: str) -> str:
        """The runtime's resolved config.json, while it runs here and if this user may read it."""
        if self._engine.shell:
            raise self._unreadable("the engine is on another machine")
        pid = parse_container(self._inspect(container)).part("State").whole("Pid")
        try:
            # containerd's shim, the parent, works in the directory of the container's bundle (containerd, runtime v2)
            status = parse_status(Path(f"/proc/{pid}/status").read_text())
            folder = Path(f"/proc/{status.ppid}/cwd")
            if folder.readlink().name != container:
                raise OSError(f"process {pid} is not of this machine")
            return read_config_here("config.json", str(folder), str(status.ppid))
        except (OSError, ValueError) as error:
            raise self._unreadable(str(error)) from error

    # Implementation

    def _check_plain(self, volume: str) -> None:
        """ToggleError for a volume with a mount on it, which an overlay of the directory would not show."""
        answer = object_of(command(self._engine, "GET", f"/volumes/{quote(volume, safe='')}"))
        if answer.text("Driver") != "local" or answer.part("Options").names():
            raise ToggleError(msg("The volume {name} is mounted with its own options or driver, so it can't be "
                                  "overlaid.", name=volume))  # fmt: skip

    def _volume(self, name: str, number: str, options: dict[str, str] | None = None) -> str:
        """Create a volume for that twin; returns its path on the engine's machine."""
        with self._engine.sdk(SLOW) as sdk:
            return JsonObject(sdk.create_volume(name, "local", options, {TWIN: number})).text("Mountpoint")

    def _place(self, volume: str) -> str:
        found: str = object_of(command(self._engine, "GET", f"/volumes/{quote(volume, safe='')}")).text("Mountpoint")
        return found

    def _host_name(self) -> str:
        """The host name of the engine's machine, cached: it hardly changes while a relauncher lives."""
        if not self._machine:
            self._machine = object_of(command(self._engine, "GET", "/info")).text("Name")
        return self._machine

    def _borrowed(self, answer: JsonObject) -> frozenset[str]:
        """The targets of mounts from other containers (volumes-from)."""
        places: set[str] = set()
        for word in answer.part("HostConfig").texts("VolumesFrom") or ():
            text = found(self._engine, f"/containers/{word.partition(':')[0]}/json")
            if text is not None:
                places |= {target(mount.text("Destination")) for mount in parse_container(text).parts("Mounts")}
        return frozenset(places)

    def _later_networks(self, request: dict[str, Any]) -> dict[str, Any]:
        """Remove all networks but the first from the request, for engines that accept only one there."""
        networks = (request.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        if len(networks) < 2 or self._engine.api() >= _NETWORKS_AT_CREATE:
            return {}
        mode = request["HostConfig"].get("NetworkMode")
        first = mode if mode in networks else next(iter(networks))
        request["NetworkingConfig"] = {"EndpointsConfig": {first: networks[first]}}
        return {name: endpoint for name, endpoint in networks.items() if name != first}

    def _check_image(self, new: str, image: str, original: str) -> None:
        """Check that the image is the planned one: a tag may have moved since."""
        if image.startswith(("sha256:", IMAGES)) or not original:
            return
        made = parse_container(self._inspect(new)).text("Image")
        meant = parse_container(self._inspect(original)).text("Image")
        if made != meant:
            words = f"{image} is {made}, not {meant}"
            raise RefusedError(
                EngineState.CONNECTED, msg("The name of its image now refers to another image. Try again."), words
            )

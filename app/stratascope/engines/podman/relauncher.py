"""Relaunches on a Podman engine: create, start, stop, rename … by full id, with time limits.

Calls that change something use the SDK where it sends the same request (`engines/shared/sdk.py`).
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from stratascope.child_output import printed
from stratascope.core.container import Asked
from stratascope.core.options.rules import WRITABLE
from stratascope.core.ports import EngineError, RawContainer, RefusedError
from stratascope.core.relaunch.data_volume import DataVolume, Entry
from stratascope.core.relaunch.file_owners import VolumeChange
from stratascope.core.relaunch.launch_spec import (
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
from stratascope.engines.podman import apply_options
from stratascope.engines.podman.apply_options import differences, resources
from stratascope.engines.podman.inspect import translate
from stratascope.engines.podman.recreate import launch_spec
from stratascope.engines.podman.sources import Sources
from stratascope.engines.shared import data_volumes, volume_files
from stratascope.engines.shared.endpoint import socket_facts
from stratascope.engines.shared.errors import refusal
from stratascope.engines.shared.events import plain_log
from stratascope.engines.shared.json_reader import JsonObject, parse_container, parse_object
from stratascope.engines.shared.relauncher import ALWAYS, INIT, RestRelauncher, without
from stratascope.engines.shared.rest_client import ANSWER_MAX
from stratascope.engines.shared.rest_engine import (
    COMMIT,
    QUICK,
    SLOW,
    STOP_MARGIN,
    command,
    compact,
    found,
    object_of,
    objects_of,
    understood,
)
from stratascope.engines.shared.runtime_state import read_config
from stratascope.value import replace

if TYPE_CHECKING:
    from stratascope.engines.podman.engine import PodmanEngine


_GENERATE_SECONDS = 15.0
_UNREADABLE_LOG = "unable to read log file"
# Of a volume whose container does not run, Podman's archives leave these out (copyToArchive, pkg buildah/copier)
_UNLISTED = re.compile(r"(dev|proc|sys)(/|$)")
_ASKED = 200  # files: each is a call of some 40 ms

Generate = Callable[[str], str | None]


class PodmanRelauncher(RestRelauncher["PodmanEngine"]):
    """A `core.ports.Relauncher` on one engine's connections.

    `generate` returns the output of `podman generate spec` for a container, None if unavailable: the API has no such
    call. It is only called if no other source has what was typed.
    """

    def __init__(self, engine: PodmanEngine, generate: Generate | None = None) -> None:
        super().__init__(engine)
        self._generate = generate or self._generate_here

    @understood()
    def plan(self, container: str) -> LaunchSpec:
        """Everything needed to create it again. Raises EngineError, NoSuchContainerError."""
        engine = self._connected()
        inspect = self._inspect(container)
        answer = parse_container(inspect)
        configuration: str | None = None
        with suppress(EngineError):
            configuration = self._configuration(answer)
        told = answer.part("Config").texts("CreateCommand")
        sources = Sources(
            inspect=inspect,
            oci=configuration,
            generated=None if told else self._generate(container),
            image=found(self._engine, f"/images/{answer.text('Image')}/json") if answer.text("Image") else None,
        )
        asked = translate(RawContainer(engine.id, container, inspect), engine).asked
        return replace(launch_spec(sources, engine.id, asked), state=self._state(answer))

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        """Pure. Raises core.relaunch.toggle.ToggleError for what Podman can't do."""
        return apply_options.body(spec, asked)

    def with_image(self, body: str, image: str, name: str) -> str:
        """Pure."""
        return apply_options.with_image(body, image, name)

    def repointed(self, body: str, moved: Mapping[str, str]) -> str:
        """Pure."""
        return apply_options.repointed(body, moved)

    def twin(
        self, spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str = ""
    ) -> str:
        """Pure."""
        return apply_options.twin(spec, body, number, mounts, cgroup_parent)

    @understood()
    def import_image(self, name: str, archive: bytes) -> None:
        """See `core.ports.Relauncher`."""
        command(self._engine, "POST", "/images/import", {"reference": name}, archive, silence=SLOW)

    def plain(self, image: str, words: Sequence[str], options: PlainOptions) -> str:
        """Pure. See `core.ports.Relauncher`."""
        return apply_options.plain(image, words, options)

    def attempting(self, spec: LaunchSpec, body: str, twin: str, program: str, words: Sequence[str]) -> str:
        """Pure. See `core.ports.Relauncher`."""
        return apply_options.attempting(spec, body, twin, program, words)

    def overlay(self, number: str, mounts: tuple[TwinMount, ...]) -> None:
        """Only fresh volumes: Podman creates overlays with the container."""
        for place, mount in enumerate(mounts):
            if mount.fresh:
                self.make_volume(apply_options.twin_volume(number, place), {TWIN: number})

    def remove_overlays(self, number: str) -> None:
        """Fresh volumes: overlays were removed with the container."""
        self.remove_volumes(TWIN, number)

    @understood()
    def make_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """See `core.relaunch.data_volume.DataVolumes`."""
        request = compact({"Name": name, "Label": dict(labels)})
        data_volumes.make(self._engine, "/volumes/create", request, name, labels)

    def filling(self, body: str, volumes: tuple[DataVolume, ...]) -> str:
        """Pure. Podman fills volumes once, when their first container is initialized."""
        return body

    def contents(self, container: str, path: str, expected: Collection[Entry] = ()) -> Iterator[Entry]:
        """See `core.relaunch.data_volume.DataVolumes`. Podman sends every file as of the container's user."""
        listed = set()
        for entry in super().contents(container, path):
            listed.add(entry.path)
            yield replace(entry, uid=0, gid=0)
        if listed:
            unlisted = [each for each in expected if each.path not in listed and _UNLISTED.match(each.path)]
            yield from self._there(container, path, unlisted)

    def _there(self, container: str, path: str, wanted: list[Entry]) -> Iterator[Entry]:
        """Those that are there, by asking for as many of them as a stop allows. A symlink can't be asked for."""
        asked = {entry.path for entry in wanted[:: len(wanted) // _ASKED + 1] if entry.kind != "l"}
        for entry in wanted:
            if entry.path not in asked or self.has_path(container, posixpath.join(path, entry.path)):
                yield entry

    def _volumes_with(self, label: str, value: str) -> tuple[str, ...]:
        found = objects_of(command(self._engine, "GET", "/volumes/json", data_volumes.labelled(label, value)))
        return tuple(JsonObject(item).text("Name") for item in found)

    @understood()
    def give_twin(
        self, container: str, number: str, mounts: tuple[TwinMount, ...], changes: tuple[VolumeChange, ...]
    ) -> None:
        """In the container's own mounts: `init` makes all of them, before its program starts."""
        with self._engine.sdk(SLOW, container) as sdk:
            sdk.init()
        pid = parse_container(self._inspect(container)).part("State").whole("Pid")
        wanted = {change.source: change for change in changes}
        for mount in mounts:
            if (mount.overlaid or mount.fresh) and mount.source in wanted:
                with self._volumes().inside(pid, mount.target) as top:
                    volume_files.give(top, wanted[mount.source])

    @understood()
    def check_health(self, container: str) -> Health:
        """Run the check once: Podman leaves that to systemd timers, which may be missing."""
        path = f"/containers/{container}/healthcheck"
        word = object_of(command(self._engine, "GET", path, silence=SLOW, container=container)).text("Status")
        return Health.HEALTHY if word == Health.HEALTHY else Health.STARTING

    @understood()
    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        """Create, not start."""
        request = parse_object(body)
        request["name"] = name
        request["labels"] = {**(request.get("labels") or {}), **labels}
        answer = object_of(command(self._engine, "POST", "/containers/create", data=compact(request), silence=SLOW))
        return Created(answer.text("Id"), answer.texts("Warnings") or ())

    def start(self, container: str) -> None:
        """No error if it runs."""
        with self._engine.sdk(SLOW, container) as sdk:
            sdk.start()

    def stop(self, container: str, seconds: int) -> None:
        """Stop by SIGTERM (or its stop signal), and SIGKILL after that many seconds; returns when it has stopped."""
        self._tell(container, "stop", {"timeout": str(seconds), "ignore": "true"}, silence=seconds + STOP_MARGIN)

    def restart(self, container: str, seconds: int) -> None:
        """Stop as above, then start."""
        with self._engine.sdk(seconds + SLOW + STOP_MARGIN, container) as sdk:
            sdk.restart(timeout=seconds)

    @understood()
    def initialize(self, container: str) -> int | None:
        """See `core.ports.Relauncher`."""
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.init()
        return parse_container(self._inspect(container)).part("State").whole("Pid") or None

    def signal(self, container: str, name: str) -> None:
        """See `core.ports.Relauncher`."""
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.kill(f"SIG{name}")

    @understood()
    def rename(self, container: str, name: str) -> None:
        # Podman renames the storage before it finds out that the name is taken
        if (holder := self.named(name)) is not None and holder.id != container:
            raise refusal(f"the container name {name} is already in use by {holder.id}")
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.rename(name)

    def remove(self, container: str) -> None:
        """Remove it, also while it runs. Its volumes stay, anonymous ones too."""
        params = {"force": "true", "v": "false", "timeout": "0"}
        command(self._engine, "DELETE", f"/containers/{container}", params, silence=SLOW, container=container)

    @understood()
    def restart_policy(self, container: str, policy: RestartPolicy) -> None:
        """RefusedError if Podman can't change it (before 5.1), or does not."""
        retries = str(policy.retries) if policy.name == "on-failure" else None  # text: the SDK would leave out a 0
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.update(restart_policy=policy.name, restart_retries=retries)
        self._check_policy(container, policy)

    @understood()
    def limit(self, container: str, limits: Asked) -> None:
        """Change limits of a running container; reads them again."""
        wanted = resources(parse_container(self._inspect(container)).part("HostConfig"), limits)
        if not wanted:
            return
        with self._engine.sdk(QUICK, container) as sdk:
            sdk.update(**wanted)
        now = parse_container(self._inspect(container)).part("HostConfig")
        if ignored := differences(now, limits):
            raise refusal("; ".join(ignored))

    @understood()
    def named(self, name: str) -> Running | None:
        """The container of that name."""
        listed = self._listed("name", f"^{re.escape(name)}$")  # inspect by name would also match the start of an id
        return next((each for each in listed if each.name == name), None)

    @understood()
    def changes(self, container: str) -> tuple[FileChange, ...]:
        """Files in its writable layer, without those that the engine makes."""
        answer = parse_container(self._inspect(container))  # a missing one would be refused as an unknown layer
        changes = self._changed_files(container)
        return without(changes, made(answer, {change.path for change in changes}, self._text_inside))

    @understood()
    def log(self, container: str, lines: int) -> str:
        """The last lines of output, both streams, untrusted text. RefusedError if its log can't be read."""
        params = {"stdout": "true", "stderr": "true", "tail": str(lines), "follow": "false"}
        for left in (2, 1, 0):
            try:
                body = command(self._engine, "GET", f"/containers/{container}/logs", params, container=container)
                break
            except RefusedError as error:  # its reader met a line that is being written
                if not left or _UNREADABLE_LOG not in error.words:
                    raise
        return plain_log(body, tty=False)  # Podman frames the output of terminals too

    @understood()
    def commit(self, container: str, repository: str) -> str:
        """Commit its writable layer as an image (it is paused meanwhile if possible); returns the image's id."""
        name, _, tag = repository.rpartition(":") if ":" in repository.rpartition("/")[2] else (repository, "", "")
        params = {"container": container, "repo": name, "pause": "true", **({"tag": tag} if tag else {})}
        try:
            body = command(self._engine, "POST", "/commit", params, "{}", silence=COMMIT, container=container)
        except RefusedError as error:
            if "can not pause" not in error.words:  # rootless on cgroup v1
                raise
            params["pause"] = "false"
            body = command(self._engine, "POST", "/commit", params, "{}", silence=COMMIT, container=container)
        image: str = object_of(body).text("Id")
        return image

    @understood()
    def oci_config(self, container: str) -> str:
        """The runtime's resolved config.json, of a container that ran, if this user may read it."""
        return self._configuration(parse_container(self._inspect(container)))

    # Implementation

    def _text_inside(self, container: str, path: str) -> str:
        """A file of a container; empty if unavailable. Podman joins the container for it, and mounts nothing."""
        with suppress(RefusedError):
            found = self.file(container, path, ANSWER_MAX, SLOW)
            return "" if found is None or found.data is None else found.data.decode("utf-8", "replace")
        return ""

    def _machine_name(self) -> str:
        """Known from its description: the version call alone takes as long, half a second."""
        return self._engine.machine or super()._machine_name()

    def _events_of(self, container: str, state: JsonObject) -> str | None:
        """None: Podman records a stop in the container's state, and its events may be a journal to search through."""

    def _network_path(self, name: str) -> str:
        return f"/networks/{name}/json"

    def _network_id(self, answer: JsonObject) -> str:
        return answer.text("id")

    def _configuration(self, answer: JsonObject) -> str:
        path = answer.text("OCIConfigPath")
        try:
            if not path:
                raise OSError("it has not run yet")
            text = read_config(self._engine.shell, path)
            if parse_object(text):
                return text
            raise ValueError("the file is empty")
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise self._unreadable(str(error)) from error

    def _generate_here(self, container: str) -> str | None:
        """Run the command line on this machine, as the engine's user. Ids are unique, so that an answer is about this
        container, whatever storage the command line uses.
        """
        path = self._engine.socket
        program = shutil.which("podman")
        if program is None or path is None or self._engine.shell or socket_facts(path).daemon_uid != os.geteuid():
            return None
        try:
            command = (program, "generate", "spec", "--compact", "--", container)
            said = printed(command, seconds=_GENERATE_SECONDS, most=ANSWER_MAX).decode()
            parse_object(said)
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return said


# -- what Podman itself puts into a container's writable layer, by the options that cause it
# Podman adds an entry for a user or group that the image lacks to the container's own /etc/passwd and /etc/group. It is
# the last line, and later additions follow it: so a file whose last line is Podman's counts as Podman's. A change of
# another line can't be detected without the image's file.

_USERS, _GROUPS = "/etc/passwd", "/etc/group"
_SYSTEMD = "/var/log/journal"  # a tmpfs for systemd inside, which no list of mounts has


def made(answer: JsonObject, changed: Collection[str], text_of: Callable[[str, str], str]) -> tuple[str, ...]:
    """Return paths. `changed`: all changed paths; `text_of(container, path)`: reads a file in it, untrusted text."""
    config, host = answer.part("Config"), answer.part("HostConfig")
    found = [*ALWAYS, *INIT, config.text("WorkingDir")]
    if config.text("Timezone"):
        found.append("/etc/localtime")
    if config.flag("SystemdMode"):
        found.append(_SYSTEMD)
    if host.flag("ReadonlyRootfs"):
        found += WRITABLE
    user, _, group = config.text("User").partition(":")
    typed = config.texts("CreateCommand") or ()  # --passwd-entry, --group-entry
    for path, number in ((_USERS, user), (_GROUPS, group or user)):
        if path not in changed:
            continue
        line = _last_line(text_of(answer.text("Id"), path))
        if line and (line in typed or line.split(":")[2:3] == [number]):
            found.append(path)
    return tuple(found)


def _last_line(text: str) -> str:
    """The last entry, passwd(5) and group(5); empty if there is none."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")

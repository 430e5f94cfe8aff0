"""An engine in memory, for faults that a real one can't be made to show: it may die before or after any call."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stratascope.core.container import Asked, EngineKind, EngineState, Status
from stratascope.core.message import Message, msg
from stratascope.core.ports import NoSuchContainerError, RefusedError
from stratascope.core.refusals.ended.ending import End
from stratascope.core.relaunch.data_volume import DataVolume, Entry
from stratascope.core.relaunch.file_owners import FileOwner, Ids, VolumeChange
from stratascope.core.relaunch.launch_spec import (
    ContainerFile,
    Created,
    Executed,
    FileChange,
    Health,
    LaunchSpec,
    RestartPolicy,
    Running,
    TwinMount,
)
from stratascope.layers.shared.host_paths import within
from stratascope.value import replace


class CrashError(BaseException):
    """The program was killed here: no handler may see it."""


@dataclass
class Box:
    """A container as this engine keeps it."""

    running: Running
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    files: tuple[FileChange, ...] = ()
    image: str = "image"
    holds: tuple[FileChange, ...] = ()  # what its image was committed with
    needs: tuple[str, ...] = ()  # whose namespaces it uses
    starts: int = 0
    volumes: dict[str, str] = field(default_factory=dict)  # name and target of those made for it
    joined: dict[str, int] = field(default_factory=dict)  # which start of these it has the namespaces of


@dataclass
class MadeVolume:
    """A volume made for a relaunch."""

    labels: dict[str, str]
    files: tuple[FileChange, ...] = ()


@dataclass
class MemoryEngine:
    """A `core.ports.Relauncher`. `before` and `after` are called with each changing call's number and name."""

    boxes: dict[str, Box] = field(default_factory=dict)
    before: Callable[[int, str], None] = lambda number, name: None
    after: Callable[[int, str], None] = lambda number, name: None
    on_start: Callable[[Running], Running] = lambda item: item
    warnings: tuple[str, ...] = ()
    images: dict[str, tuple[FileChange, ...]] = field(default_factory=lambda: {"image": ()})
    last_words: tuple[FileChange, ...] = ()  # what every container writes while it is stopped
    says: str = "last words"
    volumes: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)  # who owns what in each
    made: dict[str, MadeVolume] = field(default_factory=dict)  # by name
    overlays: list[str] = field(default_factory=list)  # the twins' numbers
    calls: list[str] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    def add(self, name: str, *, status: str = "running", policy: str = "always", needs: tuple[str, ...] = ()) -> str:
        moment = next(self._ids)
        number = f"{moment:012x}".ljust(64, "0")  # the short one tells it, as with real ones
        pid = 7 if status == "running" else None
        item = Running(
            number, name, status, pid, None, 0, Health.NONE,
            created=1.0 + moment, restart=policy, mounted=tuple(self.volumes),
        )  # fmt: skip
        joined = {key: self.boxes[key].starts for key in needs}
        self.boxes[number] = Box(item, RestartPolicy(policy), needs=needs, joined=joined)
        return number

    def dead(self) -> list[str]:
        """Names of those that run in namespaces whose owner has ended meanwhile."""
        return [
            box.running.name
            for box in self.boxes.values()
            if box.running.status == "running"
            for key in box.needs
            if self.boxes[key].running.status != "running" or self.boxes[key].starts != box.joined[key]
        ]

    def _change(self, name: str) -> Callable[[], None]:
        number = len(self.calls)
        self.calls.append(name)
        self.before(number, name)
        return lambda: self.after(number, name)

    def _box(self, container: str) -> Box:
        if container not in self.boxes:
            raise NoSuchContainerError(container)
        return self.boxes[container]

    def plan(self, container: str) -> LaunchSpec:
        box = self._box(container)
        return LaunchSpec(
            "memory",
            EngineKind.DOCKER,
            container,
            box.running.name,
            "image",
            "sha256:1",
            Asked(),
            "{}",
            json.dumps({"Id": container, "Name": box.running.name, "Created": box.running.created}),
            box.policy,
        )

    def body(self, spec: LaunchSpec, asked: Asked) -> str:
        return spec.body

    def with_image(self, body: str, image: str, name: str) -> str:
        return json.dumps({**_read(body), "image": name})

    def repointed(self, body: str, moved: Mapping[str, str]) -> str:
        request = _read(body)
        return json.dumps({**request, "needs": [moved.get(key, key) for key in request.get("needs", ())]})

    def twin(
        self, spec: LaunchSpec, body: str, number: str, mounts: tuple[TwinMount, ...], cgroup_parent: str = ""
    ) -> str:
        return body

    def overlay(self, number: str, mounts: tuple[TwinMount, ...]) -> None:
        done = self._change("overlay")
        self.overlays += [number] * len(mounts)
        done()

    def remove_overlays(self, number: str) -> None:
        done = self._change("remove_overlays")
        self.overlays = [each for each in self.overlays if each != number]
        done()

    def no_owners(self) -> Message | None:
        return None

    def volume_change(self, source: str, was: Ids, becomes: Ids) -> VolumeChange:
        change = VolumeChange(source, was, becomes)
        found = [
            FileOwner(path, *owner, 0)
            for path, owner in self.volumes[source].items()
            if owner != (was.uid, was.gid) and {change.given(*owner), change.taken_back(*owner)} != {owner}
        ]
        return replace(change, files=tuple(found))

    def give_volume(self, change: VolumeChange) -> None:
        files = self.volumes[change.source]
        for path, owner in files.items():
            done = self._change("give_volume")
            files[path] = change.given(*owner)
            done()

    def take_volume_back(self, change: VolumeChange) -> None:
        files, known = self.volumes[change.source], {each.path: (each.uid, each.gid) for each in change.files}
        for path, owner in files.items():
            done = self._change("take_volume_back")
            files[path] = known.get(path) or change.taken_back(*owner)
            done()

    def not_given(self, change: VolumeChange) -> tuple[str, ...]:
        return tuple(path for path, owner in self.volumes[change.source].items() if owner[0] == change.was.uid)

    def give_twin(
        self, container: str, number: str, mounts: tuple[TwinMount, ...], changes: tuple[VolumeChange, ...]
    ) -> None:
        self._change("give_twin")()

    def volume_names(self) -> tuple[str, ...]:
        return tuple(self.made)

    def make_volume(self, name: str, labels: Mapping[str, str]) -> None:
        done = self._change("make_volume")
        if name in self.made:
            raise RefusedError(EngineState.CONNECTED, msg("The name is taken."), "409")
        self.made[name] = MadeVolume(dict(labels))
        done()

    def remove_volumes(self, label: str, value: str) -> None:
        names = [name for name, volume in self.made.items() if volume.labels.get(label) == value]
        for name in names:
            done = self._change("remove_volumes")
            if not any(name in box.volumes for box in self.boxes.values()):
                del self.made[name]
            done()

    def filling(self, body: str, volumes: tuple[DataVolume, ...]) -> str:
        return json.dumps({**_read(body), "fills": {volume.name: volume.target for volume in volumes}})

    def contents(self, container: str, path: str, expected: Collection[Entry] = ()) -> Iterator[Entry]:
        box = self._box(container)
        name = next((name for name, target in box.volumes.items() if target == path), None)
        files = (*box.holds, *box.files) if name is None else self.made[name].files
        return iter([Entry(each.path, "f", 0o644, 0, 0, 1, 0) for each in files if within(each.path, path)])

    def check_health(self, container: str) -> Health:
        return self._box(container).running.health

    def create(self, body: str, name: str, labels: Mapping[str, str]) -> Created:
        done = self._change("create")
        if self.named(name) is not None:
            raise RefusedError(EngineState.CONNECTED, msg("The name is taken."), "409")
        request = _read(body)
        image, needs = request.get("image", "image"), tuple(request.get("needs", ()))
        if image not in self.images or not set(needs) <= set(self.boxes):
            raise RefusedError(EngineState.CONNECTED, msg("No such image, or container to join."), "404")
        number = self.add(name, status="created", needs=needs)
        box = self.boxes[number]
        box.image, box.holds = image, self.images[image]
        box.running = replace(box.running, labels=tuple(labels.items()))
        box.volumes = request.get("volumes", {})
        for name, target in request.get("fills", {}).items():
            self.made[name].files = tuple(each for each in box.holds if within(each.path, target))
        done()
        return Created(number, self.warnings)

    def start(self, container: str) -> None:
        done = self._change("start")
        box = self._box(container)
        if any(self.boxes[key].running.status != "running" for key in box.needs):
            raise RefusedError(EngineState.CONNECTED, msg("It can't join one that does not run."), "409")
        box.starts += 1
        box.joined = {key: self.boxes[key].starts for key in box.needs}
        box.running = self.on_start(replace(box.running, status="running", pid=9))
        done()

    def stop(self, container: str, seconds: int) -> None:
        done = self._change("stop")
        box = self._box(container)
        box.running = replace(box.running, status="exited", pid=None, exit_code=0)
        box.files = (*box.files, *self.last_words)
        done()

    def rename(self, container: str, name: str) -> None:
        done = self._change("rename")
        other = self.named(name)
        if other is not None and other.id != container:
            raise RefusedError(EngineState.CONNECTED, msg("The name is taken."), "409")
        box = self._box(container)
        box.running = replace(box.running, name=name)
        done()

    def remove(self, container: str) -> None:
        done = self._change("remove")
        self._box(container)
        if any(container in box.needs for box in self.boxes.values()):  # as Podman
            raise RefusedError(EngineState.CONNECTED, msg("Others need it."), "409")
        del self.boxes[container]
        done()

    def restart_policy(self, container: str, policy: RestartPolicy) -> None:
        done = self._change("restart_policy")
        box = self._box(container)
        box.policy = policy
        box.running = replace(box.running, restart=policy.name)
        done()

    def limit(self, container: str, limits: Asked) -> None:
        self._change("limit")()

    def initialize(self, container: str) -> int | None:
        return None

    def signal(self, container: str, name: str) -> None:
        self._change("signal")()

    def end(self, container: str) -> End:
        item = self._box(container).running
        return End(Status(item.status), item.error, item.exit_code, item.out_of_memory, restarts=item.restarts)

    def running(self, container: str) -> Running:
        return self._box(container).running

    def told(self, inspect: str) -> Running:
        said = _read(inspect)
        return Running(said["Id"], said["Name"], "", None, None, 0, Health.NONE, created=said["Created"])

    def labelled(self, label: str, value: str) -> tuple[Running, ...]:
        return tuple(
            box.running
            for box in self.boxes.values()
            if label in dict(box.running.labels) and value in ("", dict(box.running.labels)[label])
        )

    def named(self, name: str) -> Running | None:
        return next((box.running for box in self.boxes.values() if box.running.name == name), None)

    def changes(self, container: str) -> tuple[FileChange, ...]:
        return self._box(container).files

    def size(self, container: str) -> int | None:
        return 0

    def log(self, container: str, lines: int) -> str:
        return self.says

    def execute(self, container: str, words: Sequence[str], seconds: float) -> Executed:
        """There are no programs."""
        return Executed(127, "")

    def commit(self, container: str, repository: str) -> str:
        done = self._change("commit")
        box = self._box(container)
        self.images[repository] = (*box.holds, *box.files)
        done()
        return f"sha256:{repository}"

    def remove_image(self, name: str) -> None:
        done = self._change("remove_image")
        if not any(box.image == name for box in self.boxes.values()):
            self.images.pop(name, None)
        done()

    def file(self, container: str, path: str, most: int, seconds: float) -> ContainerFile | None:
        return None

    def has_path(self, container: str, path: str) -> bool:
        box = self._box(container)
        return any(each.path == path and each.kind != "deleted" for each in (*box.holds, *box.files))

    def oci_config(self, container: str) -> str:
        return "{}"


def _read(body: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body or "{}")
    return found

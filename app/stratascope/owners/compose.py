"""Compose: an override file next to the project's own, and `up` for just this service.

What Compose did is in its labels: the project's files, and a hash of the service at that time. Only if the files give
the same hash today would it create the same container again; a difference (an edited file, another variable in the
environment of whoever called it) is a reason to refuse. The hash omits what `--no-deps` omits from a service,
`depends_on` in Compose before 2.27, so both hashes count. Decided against reading the files ourselves: only Compose
knows how it merges, interpolates and includes.

Labels need not come from Compose: the author of an image can put them into it, naming files of their own. If the image
has them, nothing is read and nothing is run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stratascope.core import shell_quote
from stratascope.core.container import Container, Engine
from stratascope.core.message import Message, msg
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
from stratascope.owners import files
from stratascope.owners.host import barred, run, there, unreachable, writable
from stratascope.value import replace

PREFIX = "com.docker.compose."
PODMAN_COMPOSE = "io.podman.compose."
# The files that Compose looks for without -f, in its order
DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_OVERRIDE = "compose.override.yaml"
_OURS = ".stratascope"  # in the names of files that Compose does not find by itself
_JOINT = "---\n"  # another YAML document, which Compose merges over the ones before
_NEEDED = (2, 24)  # the first Compose that knows !override
_LOOK = 20.0  # seconds for a command that only reads
_MARGIN = 90.0  # seconds that `up` may take in addition to stopping
_VERSION = re.compile(r"(\d+)\.(\d+)")
# The labels that name the files and their hash. The other labels are on every image that Compose builds.
_TRUSTED = frozenset(
    f"{PREFIX}{name}"
    for name in ("config-hash", "project.config_files", "project.environment_file", "project.working_dir")
)
_JOINING = {"network_mode": "network_mode", "ipc": "ipc_mode", "pid": "pid_mode"}  # Compose's key to ours
_UNSET = ("DOCKER_HOST", "DOCKER_CONTEXT")  # --host selects the engine

_EXPORT = msg("Export a Compose override file, and let Compose re-create the service with it.")


class Compose:
    """Compose on one engine."""

    def __init__(self, engine: Engine, environ: Mapping[str, str], uid: int) -> None:
        self._engine, self._uid = engine, uid
        self._environ = {
            name: value
            for name, value in environ.items()
            if name not in _UNSET and not name.startswith(("COMPOSE_", "DOCKER_TLS"))
        }

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[], OwnerText],
        along: frozenset[str] = frozenset(),
    ) -> OwnerPlan | OwnerRefusal:
        """Plan without changing anything. `along`: ids of containers changed together with it. Raises OwnerError."""
        owned = self._owned(container, spec, others)
        why = (
            self._foreign(container)
            or self._out_of_reach(owned)
            or self._unclear(container, owned, others, along)
            or self._unable()
        )
        if why is None:
            why = self._image(spec) or self._changed(owned)  # files that only an image names are never read
        if why is not None:
            return why
        target, plainly = self._target(owned)
        if not writable(target.parent):
            return _no(msg("This user can't write to the project's directory, {path}.", path=str(target.parent)))
        made = text()
        before = files.read(str(target))
        if before is not None and before.strip() and not files.ours(before):
            return _no(msg("The file {path} already exists; it is left as it is.", path=str(target)))
        joining = self._joining(container, spec, others)
        owned = replace(owned, also=tuple((each.service, each.labels) for each in joining.values()))
        made, beside = files.profile(made, lambda name: Path(owned.directory, name))
        written = (OwnerFile(str(target), files.head(owned.service) + made.text, before, _JOINT), *beside)
        planned = replace(owned, files=written)
        now = self._hashes(owned)
        then = self._hashes(owned, (str(target), written[0].content))
        if now == then:
            return _no(msg("Compose would find nothing to change."))
        warnings = [
            msg("Compose re-creates it from its files: changes made to it by hand are lost."),
            msg("A later docker compose up without -f reads {path} automatically; with -f, name that file too.",
                path=str(target)) if plainly else
            msg("A later docker compose up must also name {path} with -f, or it reverts the change.",
                path=str(target)),
        ]  # fmt: skip
        if then[0] != then[1]:
            warnings.append(msg("The next docker compose up may re-create it once more, with the same settings."))
        return OwnerPlan(
            planned,
            msg("Compose re-creates the service {service} of the project {project}.", service=owned.service,
                project=owned.project),
            (shell_quote.words(self._up(planned, (*owned.sources, str(target)))),),
            tuple(warnings),
            frozenset(joining),
        )  # fmt: skip

    def check(self, owned: Owned) -> None:
        """Raises OwnerError if the files would no longer give the original container."""
        if not self._unchanged(owned):
            raise OwnerError(msg("The project's files were changed in the meantime. Try again."))

    def recreate(self, owned: Owned, lock: int) -> None:
        """Run `up` for the service. Raises OwnerError."""
        there = [file.path for file in owned.files if file.joint and Path(file.path).exists()]  # not those of a profile
        sources = (path for path in owned.sources if not _taken_out(Path(path)))
        names = tuple(dict.fromkeys((*sources, *there)))
        run(self._up(owned, names), self._environ, limit=owned.patience, lock=lock)

    def last_words(self, owned: Owned) -> str:
        """Nothing: Compose's containers stay after they end, and the engine has their log."""
        return ""

    # -- reasons to refuse

    def _owned(self, container: Container, spec: LaunchSpec, others: Sequence[Container]) -> Owned:
        labels = dict(container.labels)
        named = _paths(labels.get(f"{PREFIX}project.config_files", ""))
        project, service = labels.get(f"{PREFIX}project", ""), labels.get(f"{PREFIX}service", "")
        return Owned(
            kind=OwnerKind.COMPOSE,
            service=service,
            labels=(
                (f"{PREFIX}project", project),
                (f"{PREFIX}service", service),
                (f"{PREFIX}oneoff", labels.get(f"{PREFIX}oneoff", "False")),
            ),
            sources=tuple(path for path in named if not _taken_out(Path(path))),
            files=(),
            patience=spec.stop_timeout + _MARGIN,
            stamp=labels.get(f"{PREFIX}config-hash", ""),
            endpoint=self._engine.endpoint,
            project=project,
            directory=labels.get(f"{PREFIX}project.working_dir", ""),
            environment_files=_paths(labels.get(f"{PREFIX}project.environment_file", "")),
            joins=_joins(container, others),
        )

    def _foreign(self, container: Container) -> OwnerRefusal | None:
        if any(name.startswith(PODMAN_COMPOSE) for name, _ in container.labels):
            return _no(msg("podman-compose created it, which can't re-create one service without touching the others."))
        if dict(container.labels).get(f"{PREFIX}oneoff", "False") != "False":
            return _no(msg("It is a one-off run of a service (docker compose run), which Compose never re-creates."))
        if not self._engine.local:
            return _no(msg("Its engine is on another machine, where the project's files may differ."))
        if self._engine.rootless and self._engine.daemon_uid not in (None, self._uid):
            # its user chose the labels; root would read files for them that they may not read themselves
            return _no(msg("A project of another user owns this container."), msg("Run Stratascope as that user."))
        return None

    @staticmethod
    def _out_of_reach(owned: Owned) -> OwnerRefusal | None:
        return barred(OwnerKind.COMPOSE) or unreachable(OwnerKind.COMPOSE, *owned.sources, *owned.environment_files)

    def _unclear(
        self, container: Container, owned: Owned, others: Sequence[Container], along: frozenset[str]
    ) -> OwnerRefusal | None:
        if not (owned.service and owned.sources and owned.stamp and owned.directory):
            return _no(msg("Compose owns it, but its labels do not say which files it was created from."))
        # Compose writes absolute paths; any other, `-` too, would be relative to wherever this program runs
        named = (*owned.sources, *owned.environment_files)
        gone = [path for path in named if not (Path(path).is_absolute() and Path(path).is_file())]
        if gone or not (Path(owned.directory).is_absolute() and Path(owned.directory).is_dir()):
            return _no(
                msg(
                    "A file that Compose created it from no longer exists: {path}.", path=(gone or [owned.directory])[0]
                )
            )
        wanted = set(owned.labels)
        same = {other.id for other in others if other.id != container.id and wanted <= set(other.labels)}
        if not same <= along:
            return _no(msg("The service has {count} containers, and Compose would re-create all of them.",
                           count=len(same) + 1), msg("Harden all of them together: --service {service}",
                                                     service=owned.service))  # fmt: skip
        return None

    def _joining(self, container: Container, spec: LaunchSpec, others: Sequence[Container]) -> dict[str, Owned]:
        """Those of the project that use its namespaces, by id; none if Compose would change one of them, too."""
        found: dict[str, Owned] = {}
        reached, others = {container.id}, (container, *others)
        while more := [each for each in others if each.id not in reached and self._uses(each, others, reached)]:
            for each in more:
                reached.add(each.id)
                found[each.id] = self._owned(each, spec, others)
                same = self._image_now(each.image)[0] == each.image_id.removeprefix("sha256:")
                try:
                    if not (same and self._unchanged(found[each.id])):
                        return {}
                except OwnerError:
                    return {}
        return found

    @staticmethod
    def _uses(container: Container, others: Sequence[Container], reached: set[str]) -> bool:
        return any(target in reached for _, target, _ in _joins(container, others))

    def _unable(self) -> OwnerRefusal | None:
        missing = msg("Install docker compose 2.24 or newer, or export the override file.")
        if not there("docker", self._environ):
            return _no(msg("Compose owns it, but the command docker is not installed here."), missing)
        try:
            said = run(("docker", "compose", "version", "--short"), self._environ, limit=_LOOK)
        except OwnerError:
            return _no(msg("Compose owns it, but docker compose is not installed here."), missing)
        found = _VERSION.search(said)
        if found is None or (int(found[1]), int(found[2])) < _NEEDED:
            return _no(msg("This docker compose can't replace lists of settings: {version}.", version=said.strip()),
                       missing)  # fmt: skip
        return None

    def _changed(self, owned: Owned) -> OwnerRefusal | None:
        try:
            if self._unchanged(owned):
                return None
        except OwnerError as error:
            return _no(msg("Compose can no longer read the project's files: {words}", words=error.words))
        return _no(
            msg("The project's files, or variables that they use, were changed since the container was created."),
            msg("Run docker compose up first, so that both match again, or export the override file."),
        )

    def _image(self, spec: LaunchSpec) -> OwnerRefusal | None:
        """Refuse if the image is no longer the same under its name, or has Compose's labels itself."""
        now, labels = self._image_now(spec.image)
        if now != spec.image_id.removeprefix("sha256:"):
            return _no(
                msg(
                    "The name {image} now refers to another image, or to none; Compose would not create the same "
                    "container again.",
                    image=spec.image,
                ),
                msg("Run docker compose up first, so that both match again, or export the override file."),
            )
        if names_of(labels).isdisjoint(_TRUSTED):
            return None
        return _no(
            msg(
                "The image itself claims that Compose owns it, which anyone who builds an image can write. The claim "
                "is ignored."
            ),
            msg("Export the hardened settings, and use an image without these labels."),
        )

    def _image_now(self, name: str) -> tuple[str, str]:
        """The image's id, without its algorithm, and its labels as JSON; both empty if there is none of that name."""
        form = "{{.Id}} {{json .Config.Labels}}"
        command = ("docker", "--host", self._engine.endpoint, "image", "inspect", "--format", form, "--", name)
        try:
            said = run(command, self._environ, limit=_LOOK).strip()
        except OwnerError:
            said = ""
        now, _, labels = said.partition(" ")
        return now.removeprefix("sha256:"), labels

    # -- commands

    def _base(self, owned: Owned, names: Sequence[str]) -> tuple[str, ...]:
        options = ["--project-name", owned.project, "--project-directory", owned.directory]
        for path in owned.environment_files:
            options += ["--env-file", path]
        for path in names:
            options += ["-f", path]
        return ("docker", "--host", owned.endpoint, "compose", *options)

    def _up(self, owned: Owned, names: Sequence[str]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(names))
        up = ("up", "-d", "--no-deps", "--no-build", "--pull", "never", "--")
        services = dict.fromkeys((owned.service, *(service for service, _ in owned.also)))
        return (*self._base(owned, names), *up, *services)

    def _unchanged(self, owned: Owned) -> bool:
        """Whether the files still give the container that there is. Raises OwnerError."""
        if owned.stamp in self._hashes(owned):
            return True
        if not owned.joins:
            return False
        # `service:web` is hashed as the container that it was then, and as a dependency
        modes = "".join(f'    {key}: "container:{target}"\n' for key, target, _ in owned.joins)
        needed = {"condition": "service_started", "restart": True, "required": True}
        needs = json.dumps({service: needed for _, _, service in owned.joins}, ensure_ascii=False)
        texts = (_service(owned, modes), _service(owned, f"{modes}    depends_on: {needs}\n"))
        return owned.stamp in self._hashes_of(owned, owned.sources, texts)

    def _hashes(self, owned: Owned, instead: tuple[str, str] | None = None) -> tuple[str, ...]:
        """Hash the service with its dependencies, and without. `instead`: a file's future text. Raises OwnerError."""
        path, content = instead or ("", "")
        names = [name for name in owned.sources if name != path]
        alone = _service(owned, "    depends_on: !reset null\n")
        return self._hashes_of(owned, names, (content, f"{content}\n{_JOINT}{alone}" if content else alone))

    def _hashes_of(self, owned: Owned, names: Sequence[str], texts: Sequence[str]) -> tuple[str, ...]:
        """Of the files with each of these texts after them. Raises OwnerError."""
        found = []
        for given in texts:
            command = (*self._base(owned, (*names, "-") if given else names), "config", "--hash", owned.service)
            words = run(command, self._environ, limit=_LOOK, given=given).split()
            if len(words) != 2 or words[0] != owned.service:  # `*` would be all services
                raise OwnerError(msg("Compose returned something other than a hash."), " ".join(words)[:200])
            found.append(words[1])
        return tuple(found)

    def _target(self, owned: Owned) -> tuple[Path, bool]:
        """The override's path, and whether Compose finds it there by itself."""
        first = Path(owned.sources[0])
        for path in owned.sources[1:]:
            if _ours(Path(path)):
                return Path(path), Path(path).name == _OVERRIDE
        folder = first.parent
        default = next((name for name in DEFAULTS if (folder / name).exists()), "")
        taken = [folder / name for name in OVERRIDES if (folder / name).exists()]
        plainly = len(owned.sources) == 1 and first.name == default and folder == Path(owned.directory)
        if plainly and not _chooses(folder / ".env") and all(_ours(path) for path in taken) and len(taken) < 2:
            return (taken[0], True) if taken else (folder / _OVERRIDE, True)
        return first.with_name(f"{first.stem}{_OURS}{first.suffix or '.yaml'}"), False


def _service(owned: Owned, text: str) -> str:
    return f"services:\n  {json.dumps(owned.service, ensure_ascii=False)}:\n{text}"


def _joins(container: Container, others: Sequence[Container]) -> tuple[tuple[str, str, str], ...]:
    """The namespaces that it has of other services of its project (`network_mode: service:web`)."""
    project, known = f"{PREFIX}project", {other.id: dict(other.labels) for other in (container, *others)}
    own, found = dict(container.labels).get(project), []
    for key, mode in zip(_JOINING, (getattr(container.asked, name) for name in _JOINING.values()), strict=True):
        kind, _, target = mode.partition(":")
        labels = known.get(target, {})
        if kind == "container" and labels.get(project) == own and (service := labels.get(f"{PREFIX}service", "")):
            found.append((key, target, service))
    return tuple(found)


def _no(text: Message, instead: Message = _EXPORT) -> OwnerRefusal:
    return OwnerRefusal(OwnerKind.COMPOSE, text, instead)


def names_of(labels: str) -> frozenset[str]:
    """The label names of an image, from JSON; all trusted ones if unreadable, so that nothing is believed."""
    try:
        found = json.loads(labels)
    except (ValueError, RecursionError):
        return _TRUSTED
    if found is None:
        return frozenset()
    return frozenset(found) if isinstance(found, dict) else _TRUSTED


def _paths(text: str) -> tuple[str, ...]:
    """Split Compose's comma-separated paths; one with a comma in it looks like two, and counts as missing."""
    return tuple(os.path.normpath(path) for path in text.split(",") if path)


def _taken_out(path: Path) -> bool:
    """Whether it may be a removed file of ours: another service's then, or the hash would differ."""
    return (path.name == _OVERRIDE or _OURS in path.name) and not path.exists()


def _ours(path: Path) -> bool:
    return files.ours(files.read(str(path)) or "")


def _chooses(path: Path) -> bool:
    """Whether the project's .env chooses the files (COMPOSE_FILE)."""
    try:
        return re.search(r"^\s*(export\s+)?COMPOSE_FILE\s*=", path.read_text("utf-8"), re.MULTILINE) is not None
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True

"""Parse devcontainer.json into options of `run`: those with which `devcontainer up` starts its container.

By containers.dev/implementors/json_reference and the tool of the specification (@devcontainers/cli 0.89:
spec-node/singleContainer.ts, dockerCompose.ts). What VS Code adds by itself while it runs is told as notes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.given import GivenOption, Position, Problem, Service
from stratascope.formats.compose import read as compose
from stratascope.formats.devcontainer.adds import mount_text, of_features, without_replaced
from stratascope.formats.devcontainer.jsonc import JsonError, parse
from stratascope.formats.run.read import Word, read_items
from stratascope.formats.text import (
    DEV_CONTAINERS,
    FILLED_IN,
    LEVELS,
    Counted,
    Read,
    ReferencedFiles,
    TooMuchError,
    few_enough,
)
from stratascope.formats.yaml.read import List, Mapping, Node, Text, at, flag_at, items_at, text_at, texts
from stratascope.value import replace

_OWN_FOLDER = ".devcontainer"
# Keys that no Compose file and no manifest has
_SIGNS_WORDS = """
appPort containerEnv containerUser customizations dockerComposeFile dockerFile features forwardPorts overrideCommand
postCreateCommand remoteUser runArgs workspaceFolder workspaceMount
"""
_SIGNS = frozenset(_SIGNS_WORDS.split())
_FOREIGN = ("services", "include", "apiVersion")
_WITHOUT_EFFECT_WORDS = """
$schema build containerEnv context customizations devPort dockerFile extensions forwardPorts hostRequirements image
init initializeCommand name onCreateCommand otherPortsAttributes overrideCommand overrideFeatureInstallOrder
portsAttributes postAttachCommand postCreateCommand postStartCommand remoteEnv remoteUser runServices secrets service
settings shutdownAction updateContentCommand updateRemoteUserUID userEnvProbe waitFor workspaceFolder
"""
_WITHOUT_EFFECT = frozenset(_WITHOUT_EFFECT_WORDS.split())
_NOT_WITH_COMPOSE = frozenset(("appPort", "runArgs", "workspaceMount"))
_READ = frozenset(("capAdd", "containerUser", "dockerComposeFile", "features", "mounts", "privileged", "securityOpt"))
_OF_PODMAN = re.compile(r"keep-id|--[ug]idmap(?:=|$)").search
_VARIABLE = re.compile(r"\$\{([^{}\n]{1,200})\}")
_ONLY_ON_WINDOWS = frozenset(("USERPROFILE", "HOMEDRIVE", "HOMEPATH"))


def is_named(file: str) -> bool:
    """Whether a file of that name is one."""
    return posixpath.basename(file) in DEV_CONTAINERS


def document(text: str, file: str) -> Mapping | None:
    """The object of such a text; None if it is none. Raises JsonError if it can't be parsed, but is named like one."""
    named = is_named(file)
    if not named and not text.lstrip().startswith(("{", "/")):
        return None
    try:
        found = parse(text, file)
    except JsonError:
        if named:
            raise
        return None
    if not isinstance(found, Mapping):
        if named:
            raise JsonError(found.place.line, msg("This is not a JSON object."))
        return None
    keys = {key.text for key, _ in found.entries}
    return found if named or (keys & _SIGNS and not keys.intersection(_FOREIGN)) else None


def read(found: Mapping, text: str, file: str, files: ReferencedFiles) -> Read:
    """The container of such an object, or all of its Compose project. Raises TooMuchError."""
    return _DevContainer(found, text, file, files).read()


class _DevContainer:
    def __init__(self, found: Mapping, text: str, file: str, files: ReferencedFiles) -> None:
        self._found, self._text, self._file, self._files = found, text, file, files
        self._problems: list[Problem] = []
        self._lines = [0, *(each.end() for each in re.finditer("\n", text))]  # where each line begins
        self._made, self._told = 0, set[tuple[str, int]]()
        self._compose = at(found, "dockerComposeFile") is not None
        whole = posixpath.normpath(posixpath.join(files.here(), file))
        folder = posixpath.dirname(whole) if is_named(file) and whole.startswith("/") else ""
        if posixpath.basename(posixpath.dirname(folder)) == _OWN_FOLDER:
            folder = posixpath.dirname(folder)
        if posixpath.basename(folder) == _OWN_FOLDER:
            folder = posixpath.dirname(folder)
        self._folder = folder  # of the project; empty: not known
        self._bound = "" if self._compose else self._root(folder)
        below = posixpath.relpath(folder, self._bound) if self._bound else ""
        inside = "" if self._compose else posixpath.normpath(posixpath.join(self._place_inside(), below))
        self._inside = text_at(found, "workspaceFolder") or inside

    def read(self) -> Read:
        self._unknown_keys()
        features = at(self._found, "features")
        names = [key for key, _ in features.pairs()] if isinstance(features, Mapping) else []
        added, problems = of_features(names, self._file, self._files, self._put)
        self._problems += problems
        made = self._of_compose(added) if self._compose else self._of_image(added)
        return replace(made, problems=(*made.problems, *self._problems, *self._notes()))

    # -- one container

    def _of_image(self, added: list[GivenOption]) -> Read:
        image, build = text_at(self._found, "image"), at(self._found, "build")
        if not image and build is None and not text_at(self._found, "dockerFile"):
            what = msg("It names neither an image, nor a Dockerfile, nor a Compose file.")
            return Read(problems=(Problem(Position(self._file, 0), what, True),))
        kind, run_args = self._run_args()
        mounts = list(self._mounts())
        said = [
            *self._app_ports(),
            *self._workspace(),
            *without_replaced([each for each in added if each.name == "mount"], mounts),
            *mounts,
            *self._user(),
            *(self._podman(run_args) if kind is EngineKind.PODMAN else ()),
            *run_args,
            *self._gpu(),
            *self._rights(added),
        ]
        few_enough(said, self._found.place)
        name = posixpath.basename(self._folder) or text_at(self._found, "name")
        service = Service(
            name=name or "devcontainer",
            place=self._found.place,
            image=self._filled("image") or f"vsc-{name or 'devcontainer'}",
            said=tuple(said),
            kind=kind,
            words=self._words(),
            image_adds=True,
        )
        Counted().take(service.said, service.place)
        return Read((service,))

    def _app_ports(self) -> Iterator[GivenOption]:
        node = at(self._found, "appPort")
        for each in node.items if isinstance(node, List) else (node,):
            if isinstance(each, Text):
                port = self._put(each)
                yield self._said("publish", f"127.0.0.1:{port}:{port}" if each.plain else port, each)

    def _workspace(self) -> Iterator[GivenOption]:
        node = self._found.get("workspaceMount")
        if isinstance(node, Text):
            if node.text and not node.empty:
                yield self._said("mount", self._put(node), node)
            return
        source, target = self._bound or "${localWorkspaceFolder}", self._place_inside()
        fields = ("type=bind", f"source={source}", f"target={target}")
        value = ",".join(f'"{each}"' if "," in each else each for each in fields)
        yield GivenOption("mount", value, self._found.place)

    def _root(self, folder: str) -> str:
        """The root of the Git repository of a folder, which is bound as a whole; the folder itself if it is in none."""
        tried = folder
        for _ in range(LEVELS):
            if not tried or ".git" in self._files.names(tried):
                return tried or folder
            above = posixpath.dirname(tried)
            tried = "" if above == tried else above
        return folder

    def _place_inside(self) -> str:
        return f"/workspaces/{posixpath.basename(self._bound) or 'workspace'}"

    def _run_args(self) -> tuple[EngineKind | None, list[GivenOption]]:
        words = []
        for each in items_at(self._found, "runArgs"):
            if isinstance(each, Text):
                words.append(Word(self._put(each), each.place.line, span=self._span(each)))
        podman = any(_OF_PODMAN(word.text) for word in words)
        kind = EngineKind.PODMAN if podman else EngineKind.DOCKER
        said, problems, rest = read_items(words, kind, self._file)
        self._problems += problems
        if rest:
            what = msg("{value} is no option: the container would be made of another image.", value=rest[0].text[:80])
            self._problems.append(Problem(Position(self._file, rest[0].line), what, unread=True))
        return kind if podman else None, said

    def _podman(self, run_args: Sequence[GivenOption]) -> Iterator[GivenOption]:
        """What the tool adds if the engine is Podman."""
        yield GivenOption("security-opt", "label=disable", self._found.place)
        user = self._filled("remoteUser") or next((each.value for each in run_args if each.name == "user"), "")
        mapped = any(each.name in ("uidmap", "gidmap") for each in run_args)
        if user not in ("", "root", "0") and not mapped:
            yield GivenOption("userns", "keep-id", self._found.place)

    def _gpu(self) -> Iterator[GivenOption]:
        node = at(self._found, "hostRequirements", "gpu")
        if node is not None and flag_at(self._found, "hostRequirements", "gpu") is not False:
            yield GivenOption("gpus", "all", node.place)

    # -- a Compose project

    def _of_compose(self, added: list[GivenOption]) -> Read:
        node, key = at(self._found, "dockerComposeFile"), self._found.key("service")
        named = [each for each in (node.items if isinstance(node, List) else [node]) if isinstance(each, Text)]
        folder = posixpath.dirname(self._file)
        paths = [(posixpath.join(folder, self._put(each)), each.place) for each in named]
        if not paths:
            return Read(problems=(Problem(self._found.place, msg("It names no Compose file."), True),))
        found = compose.read_named(paths, self._files)
        for name in sorted(_NOT_WITH_COMPOSE):
            if (unused := self._found.key(name)) is not None:
                what = msg("{name} has no effect in a Compose project.", name=name)
                self._problems.append(Problem(unused.place, what))
        wanted = text_at(self._found, "service")
        if found.failed or not any(each.name == wanted for each in found.services):
            known = ", ".join(each.name for each in found.services)
            what = msg("There is no service {name} here; available: {known}.", name=wanted, known=known)
            place = self._found.place if key is None else key.place
            return Read(problems=(*found.problems, Problem(place, what, True)))
        place = self._found.place if key is None else key.place
        mounts = list(self._mounts())
        both = [*without_replaced([each for each in added if each.name == "mount"], mounts), *mounts]
        more = (*map(self._short, both), *self._user(), *self._rights(added))
        services = tuple(
            each
            if each.name != wanted
            else replace(
                each, place=place, said=(*each.said, *more), words=(*each.words, *self._words()), image_adds=True
            )
            for each in found.services
        )
        counted = Counted()
        for each in services:
            counted.take(each.said, each.place)
        return replace(found, services=services)

    def _short(self, mount: GivenOption) -> GivenOption:
        """A mount as the tool writes it into a Compose project: of its options none is left."""
        fields = dict(part.partition("=")[::2] for part in (mount.value or "").split(","))
        source = fields.get("source") or fields.get("src") or ""
        target = fields.get("target") or fields.get("dst") or fields.get("destination") or ""
        if not {"readonly", "ro"}.isdisjoint(fields):
            what = msg("In a Compose project this mount is writable: only its source and target are passed on.")
            self._problems.append(Problem(mount.place, what))
        return GivenOption("volume", f"{source}:{target}" if source else target, mount.place, mount.span)

    # -- of both

    def _mounts(self) -> Iterator[GivenOption]:
        for each in items_at(self._found, "mounts"):
            if value := mount_text(each, self._put):
                yield self._said("mount", value, each)

    def _user(self) -> Iterator[GivenOption]:
        node = at(self._found, "containerUser")
        if isinstance(node, Text):
            yield self._said("user", self._put(node), node)

    def _rights(self, added: list[GivenOption]) -> Iterator[GivenOption]:
        for key, option in (("init", "init"), ("privileged", "privileged")):
            node = at(self._found, key)
            if isinstance(node, Text) and node.flag:
                yield self._said(option, "true", node)
        yield from (each for each in added if each.name != "mount")
        for key, option in (("capAdd", "cap-add"), ("securityOpt", "security-opt")):
            for each in items_at(self._found, key):
                if isinstance(each, Text):
                    yield self._said(option, self._put(each), each)

    def _words(self) -> tuple[str, ...]:
        node = at(self._found, "containerEnv")
        return tuple(texts(node))

    def _said(self, name: str, value: str, node: Node) -> GivenOption:
        return GivenOption(name, value, node.place, self._span(node))

    def _span(self, node: Node) -> tuple[int, int]:
        """Where a value is in the text."""
        return self._lines[node.start[0]] + node.start[1], self._lines[node.end[0]] + node.end[1]

    def _unknown_keys(self) -> None:
        for key, _ in self._found.entries:
            if key.text not in _WITHOUT_EFFECT | _NOT_WITH_COMPOSE | _READ:
                what = msg("A dev container has no key {name}.", name=key.text)
                self._problems.append(Problem(key.place, what))

    # -- variables

    def _filled(self, key: str) -> str:
        node = at(self._found, key)
        return self._put(node) if isinstance(node, Text) else ""

    def _put(self, node: Text) -> str:
        """A value with its variables filled in; those that are not known stay, with a problem. Raises TooMuchError."""

        def one(found: re.Match[str]) -> str:
            value = self._variable(found[1], node.place)
            self._made += len(value or "")
            if self._made > FILLED_IN:
                what = msg(
                    "With what the variables stand for, values have more than {most} characters: shorten them.",
                    most=FILLED_IN,
                )
                raise TooMuchError(node.place, what)
            return found[0] if value is None else value

        return _VARIABLE.sub(one, node.text) if "${" in node.text else node.text

    def _variable(self, words: str, place: Position) -> str | None:
        kind, _, rest = words.partition(":")
        match kind:
            case "localWorkspaceFolder":
                return self._folder or None
            case "localWorkspaceFolderBasename":
                return posixpath.basename(self._folder) or None
            case "containerWorkspaceFolder":
                return self._inside or None
            case "containerWorkspaceFolderBasename":
                return posixpath.basename(self._inside) or None
            case "localEnv" | "env":
                name, default, usual = rest.partition(":")
                if name in self._files.variables:
                    return self._files.variables[name]
                if default or name in _ONLY_ON_WINDOWS:
                    return usual.partition(":")[0]
                if (name, place.line) not in self._told:
                    self._told.add((name, place.line))
                    what = msg(
                        "{name} has no value here, so what depends on it is not known. Set it with --env.", name=name
                    )
                    self._problems.append(Problem(place, what, unread=True))
        return None

    # -- what is told besides

    def _notes(self) -> Iterator[Problem]:
        command = self._found.key("initializeCommand")
        if command is not None:
            what = msg("This runs on this machine, outside of the container, each time before it is started.")
            yield Problem(command.place, what)
        ports = [each.text for each in items_at(self._found, "forwardPorts") if isinstance(each, Text)]
        if ports:
            what = msg("VS Code adds: it forwards {ports} to 127.0.0.1 of this machine.", ports=", ".join(ports[:20]))
            yield self._note(what)
        if not self._compose and self._found.get("workspaceMount") is None:
            source, target = self._bound or "${localWorkspaceFolder}", self._place_inside()
            yield self._note(msg("VS Code adds: {folder} is mounted at {target}.", folder=source, target=target))
        if flag_at(self._found, "overrideCommand") is not False and not self._compose:
            yield self._note(
                msg("VS Code adds: in place of the image's command, the container runs a shell that only waits.")
            )
        yield self._note(
            msg(
                "VS Code adds while it is connected: its server and the volume vscode, your SSH agent, your Git "
                "configuration and credentials, your GPG agent and your Wayland socket. Whatever runs in the "
                "container as the same user can use them."
            )
        )
        if not self._compose:
            yield self._note(msg("With Podman, --security-opt label=disable and --userns=keep-id are added."))

    def _note(self, what: Message) -> Problem:
        return Problem(Position(self._file, 0), what, added=True)

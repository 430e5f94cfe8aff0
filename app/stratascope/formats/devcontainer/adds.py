"""What features, and an image's own label, add to the container of a devcontainer.json.

By containers.dev/implementors/features and its merge logic. A feature of a registry is not fetched: nothing is sent
anywhere. Those of the table are known as of their last release, a feature beside the file is read, and any other is
not known.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence

from stratascope.core.container import DEV_CONTAINER
from stratascope.core.message import msg
from stratascope.core.options.given import GivenOption, Position, Problem, Service
from stratascope.formats.devcontainer.jsonc import JsonError, parse
from stratascope.formats.text import FILES, LONGEST, OPTIONS, ReferencedFiles, unread
from stratascope.formats.yaml.read import List, Mapping, Node, Text, flag_at, items_at, text_at
from stratascope.value import replace

_LABEL_MOST = 1 << 16  # characters
Put = Callable[[Text], str]  # a value with its variables filled in
_LISTS = (("capAdd", "cap-add"), ("securityOpt", "security-opt"))
_TARGET = re.compile(r"(?:^|,)(?:target|dst|destination)=([^,]*)").search

# -- known features (github.com/devcontainers/features, anthropics/devcontainer-features): what they ask for

_REGISTRY = "ghcr.io/devcontainers/features/"
_DEBUGGED = (("cap-add", "SYS_PTRACE"), ("security-opt", "seccomp=unconfined"))
_ASKING: dict[str, tuple[tuple[str, str], ...]] = {
    "docker-in-docker": (
        ("privileged", "true"),
        ("mount", "type=volume,src=dind-var-lib-docker-${devcontainerId},dst=/var/lib/docker"),
    ),
    "docker-outside-of-docker": (
        ("mount", "type=bind,src=/var/run/docker.sock,dst=/var/run/docker-host.sock"),
        ("security-opt", "label=disable"),
    ),
    "go": _DEBUGGED,
    "rust": _DEBUGGED,
    "kubectl-helm-minikube": (("mount", "type=volume,src=minikube-config,dst=/home/vscode/.minikube"),),
    "nix": (("mount", "type=volume,src=nix-store-${devcontainerId},dst=/nix"),),
}
_ASKING["docker-from-docker"] = _ASKING["docker-outside-of-docker"]  # its former name
_ASKING_NOTHING_WORDS = """
anaconda aws-cli azure-cli common-utils conda copilot-cli desktop-lite dotnet git git-lfs github-cli hugo java node
nvidia-cuda oryx php powershell python ruby sshd terraform
"""
_ASKING_NOTHING = frozenset(_ASKING_NOTHING_WORDS.split())
_KNOWN = {
    **{f"{_REGISTRY}{name}": asked for name, asked in _ASKING.items()},
    **{f"{_REGISTRY}{name}": () for name in _ASKING_NOTHING},
    "ghcr.io/anthropics/devcontainer-features/claude-code": (),
}


def of_features(
    features: Sequence[Text], file: str, files: ReferencedFiles, put: Put
) -> tuple[list[GivenOption], list[Problem]]:
    """What features ask for, at the line of each. Raises TooMuchError."""
    said: list[GivenOption] = []
    problems: list[Problem] = []
    waiting, seen = list(features), set[str]()
    for feature in waiting:  # it grows by those that a local one depends on
        name = _plain(feature.text)
        if name in seen or len(seen) > FILES:
            continue
        seen.add(name)
        if name in _KNOWN:
            said += [GivenOption(option, value, feature.place) for option, value in _KNOWN[name]]
        elif name.startswith("./") and ".." not in name.split("/"):
            path = posixpath.join(posixpath.dirname(file), name, "devcontainer-feature.json")
            found = _local(path, feature.place, files, problems)
            if found is not None:
                said += asked_by(found, feature.place, put)
                depends = found.get("dependsOn")
                for key, _ in depends.pairs() if isinstance(depends, Mapping) else ():
                    key.file, key.start = feature.file, feature.start
                    waiting.append(key)
        else:
            what = msg("The feature {name} is not known here: it may ask for more than what is judged.", name=name)
            problems.append(Problem(feature.place, what, unread=True))
    return said, problems


def _plain(name: str) -> str:
    """A feature's name without its version; one without a registry is of the first ones."""
    head, slash, last = name.rpartition("/")
    last = last.partition("@")[0].partition(":")[0]
    return f"{head}{slash}{last}" if slash else f"{_REGISTRY}{last}"


def _local(path: str, asked: Position, files: ReferencedFiles, problems: list[Problem]) -> Mapping | None:
    text = files.read(path, asked)
    if text is None:
        problems.append(unread(path, asked))
        return None
    try:
        found = parse(text, path)
    except JsonError as error:
        problems.append(Problem(Position(path, error.line), error.message, unread=True))
        return None
    return found if isinstance(found, Mapping) else None


def asked_by(entry: Mapping, place: Position, put: Put) -> list[GivenOption]:
    """What one feature, or one entry of a label, asks for, at that place."""
    said = [GivenOption("privileged", "true", place)] if flag_at(entry, "privileged") else []
    for key, option in _LISTS:
        said += [GivenOption(option, put(each), place) for each in items_at(entry, key) if isinstance(each, Text)]
    for each in items_at(entry, "mounts"):
        if value := mount_text(each, put):
            said.append(GivenOption("mount", value, place))
    return said


def with_label(service: Service, text: str) -> tuple[Service, tuple[Problem, ...]]:
    """The service with what its image's label `devcontainer.metadata` asks for: a list of such entries."""
    try:
        found = parse(text, "") if len(text) <= _LABEL_MOST else None
    except (JsonError, RecursionError):
        found = None
    said: list[GivenOption] = []
    for entry in found.items if isinstance(found, List) else [found]:
        if isinstance(entry, Mapping):
            said += asked_by(entry, service.place, lambda each: each.text)
            if user := text_at(entry, "containerUser"):
                said.append(GivenOption("user", user, service.place))
    if found is None or len(said) > OPTIONS or any(len(each.value or "") > LONGEST for each in said):
        what = msg(
            "What the image asks for as a dev container, in its label {name}, can't be read.", name=DEV_CONTAINER
        )
        return service, (Problem(service.place, what, unread=True),)
    return replace(service, said=(*without_replaced(said, service.said), *service.said)), ()


def mount_text(node: Node, put: Put) -> str:
    """A mount as for `--mount`; empty if it is none. Of an object, nothing but these three counts."""
    if isinstance(node, Text):
        return put(node)
    fields = (("type", "type"), ("source", "src"), ("target", "dst"))
    found = [(short, node.get(name)) for name, short in fields] if isinstance(node, Mapping) else []
    return ",".join(f"{short}={put(each)}" for short, each in found if isinstance(each, Text) and each.text)


def target_of(mount: str) -> str:
    """Where a mount of `--mount` is in the container; empty if that is not said."""
    found = _TARGET(mount)
    return found[1] if found else ""


def without_replaced(said: Sequence[GivenOption], own: Sequence[GivenOption]) -> list[GivenOption]:
    """Without the mounts in whose place others are: of two at one target, the later source wins."""
    targets = {target_of(each.value or "") for each in own if each.name == "mount"}
    return [each for each in said if each.name != "mount" or target_of(each.value or "") not in targets]

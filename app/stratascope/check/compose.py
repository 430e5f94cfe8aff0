"""Compose files as Compose reads them: anchors, `extends`, `include`, the override and the
`.env` beside it, variables with defaults.

By compose-spec/spec.md. Services that a profile keeps back are read, too. Decided against asking `docker compose
config`: it tells no lines, and takes the environment in.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from stratascope.check.compose_keys import Keys
from stratascope.check.reading import MOST_SERVICES, Files, Place, Problem, Read, Service
from stratascope.check.variables import dotenv
from stratascope.check.yaml_nodes import List, Mapping, Node, Text, YamlError, at, documents
from stratascope.core.message import Message, msg

_DEFAULT = frozenset(("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"))
_REPLACED = frozenset(("command", "entrypoint"))  # lists that are not joined
_MOST_FILES = 30
_NO_NAME = re.compile(r"[^a-z0-9_-]").sub  # what a project's name has not
Fields = dict[str, tuple[Text, Node]]


def is_compose(documents_: Sequence[Node]) -> bool:
    """Whether it is one, by what Compose asks for."""
    first = documents_[0] if documents_ else None
    return any(isinstance(at(first, key), Mapping | List) for key in ("services", "include"))


def read(document: Node, file: str, files: Files) -> Read:
    """All services, in order."""
    return _Compose(files).read(document, file)


class _Compose:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._problems: list[Problem] = []
        self._documents: dict[str, Mapping | None] = {}
        self._volumes: dict[str, Node] = {}
        self._given: dict[str, Node] = {}  # secrets and configs
        self._named: dict[int, dict[str, Node]] = {}
        self._project = ""
        self._places: dict[str, Place] = {}

    def read(self, document: Node, file: str) -> Read:
        assert isinstance(document, Mapping)
        self._documents[file] = document
        name = document.get("name")
        folder = posixpath.basename(posixpath.dirname(posixpath.abspath(file) if file else "/"))
        self._project = name.text if isinstance(name, Text) else _NO_NAME("", folder.lower()).lstrip("_-")
        found = self._services(document, file, 0)
        override = self._override(file)
        if override:
            other = self._document(override, document.place)
            for service, fields in ({} if other is None else self._services(other, override, 0)).items():
                found[service] = _merged(found.get(service, {}), fields)
        text = self._files.read(posixpath.join(posixpath.dirname(file), ".env"))
        variables = {**dotenv(text or ""), **self._files.variables}
        services = []
        for service, fields in found.items():
            keys = Keys(variables, self._volumes, self._given, self._project)
            said = keys.read(fields)
            self._problems += keys.problems
            place = next(iter(fields.values()))[0].place if fields else Place(file, 0)
            services.append(
                Service(
                    name=service,
                    place=self._places.get(service, place),
                    image=keys.image or f"{self._project}-{service}",
                    said=tuple(said),
                    labels=keys.labels,
                )
            )
        if not services:
            self._problems.append(Problem(Place(file, 0), msg("There is no service here."), True))
        return Read(tuple(services), tuple(self._problems))

    def _services(self, document: Mapping, file: str, depth: int) -> dict[str, Fields]:
        found: dict[str, Fields] = {}
        for each in self._included(document, file):
            other = self._document(each, document.place)
            if other is not None and depth < _MOST_FILES:
                found |= self._services(other, each, depth + 1)
        for kept, key in ((self._volumes, "volumes"), (self._given, "secrets"), (self._given, "configs")):
            node = document.get(key)
            if isinstance(node, Mapping):
                kept.update({name.text: value for name, value in node.pairs()})
        services = document.get("services")
        if isinstance(services, Mapping):
            for name, node in services.pairs():
                if len(found) >= MOST_SERVICES:
                    break
                if not name.text.startswith("x-"):
                    self._places.setdefault(name.text, name.place)
                    found[name.text] = self._fields(node, file, name, ())
        return found

    def _included(self, document: Mapping, file: str) -> list[str]:
        node = document.get("include")
        names = []
        for item in node.items if isinstance(node, List) else ():
            path = item.get("path") if isinstance(item, Mapping) else item
            for each in path.items if isinstance(path, List) else (path,):
                if isinstance(each, Text):
                    names.append(posixpath.join(posixpath.dirname(file), each.text))
        return names

    def _override(self, file: str) -> str:
        """The one that Compose takes in by itself."""
        folder, name = posixpath.split(file)
        if name not in _DEFAULT:
            return ""
        stem = name.rpartition(".")[0]
        there = self._files.names(folder or ".")
        return next((posixpath.join(folder, f"{stem}.override.{end}") for end in ("yml", "yaml")
                     if f"{stem}.override.{end}" in there), "")  # fmt: skip

    def _document(self, file: str, asked: Place) -> Mapping | None:
        if file in self._documents:
            return self._documents[file]
        if len(self._documents) >= _MOST_FILES:
            self._say(asked, msg("More than {most} files are named: the rest are not read.", most=_MOST_FILES))
            return None
        text = self._files.read(file)
        found: Mapping | None = None
        if text is None:
            what = msg("The file {file} can't be read, so what it asks for is not known.", file=file)
            self._problems.append(Problem(asked, what, unread=True))
        else:
            try:
                first = next(iter(documents(text, file)), None)
                found = first if isinstance(first, Mapping) else None
            except YamlError as error:
                self._problems.append(Problem(Place(file, error.line), error.message, unread=True))
        self._documents[file] = found
        return found

    def _fields(self, node: Node, file: str, name: Text, above: tuple[tuple[str, str], ...]) -> Fields:
        """A service's keys, those that it extends taken in."""
        if not isinstance(node, Mapping):
            if not (isinstance(node, Text) and node.empty):
                self._say(node.place, msg("A service has to be a mapping."))
            return {}
        own: Fields = {key.text: (key, value) for key, value in node.pairs()}
        extends = own.pop("extends", None)
        if extends is None:
            return own
        other, service = _extended(extends[1])
        where = posixpath.join(posixpath.dirname(file), other) if other else file
        if not service or (where, service) in ((file, name.text), *above) or len(above) >= _MOST_FILES:
            self._say(extends[0].place, msg("This extends itself, or does not say what it extends."))
            return own
        document = self._document(where, extends[0].place)
        found = None if document is None else self._by_name(document).get(service)
        if found is None:
            if document is not None:
                self._say(extends[0].place, msg("There is no service {name} to extend.", name=service))
            return own
        base = self._fields(found, where, Text(where, found.start, service, plain=True), ((file, name.text), *above))
        return _merged({key: value for key, value in base.items() if key != "depends_on"}, own)

    def _by_name(self, document: Mapping) -> dict[str, Node]:
        """The services of a document, looked through once."""
        known = self._named.get(id(document))
        if known is None:
            services = document.get("services")
            known = {key.text: node for key, node in services.pairs()} if isinstance(services, Mapping) else {}
            self._named[id(document)] = known
        return known

    def _say(self, place: Place, text: Message) -> None:
        self._problems.append(Problem(place, text))


def _extended(node: Node) -> tuple[str, str]:
    """File ("" for the same) and service."""
    if isinstance(node, Text):
        return "", node.text
    if isinstance(node, Mapping):
        file, service = node.get("file"), node.get("service")
        return file.text if isinstance(file, Text) else "", service.text if isinstance(service, Text) else ""
    return "", ""


def _merged(base: Fields, over: Fields) -> Fields:
    found = dict(base)
    for name, (key, value) in over.items():
        before = found.get(name)
        if value.tag == "!reset":
            found.pop(name, None)
        elif before is None or value.tag == "!override" or name in _REPLACED:
            found[name] = (key, value)
        else:
            found[name] = (key, _joined(before[1], value))
    return found


def _joined(before: Node, over: Node) -> Node:
    if isinstance(before, List) and isinstance(over, List):
        lists = List(over.file, over.start)
        lists.items = [*before.items, *over.items]
        return lists
    if isinstance(before, Mapping) and isinstance(over, Mapping):
        both = Mapping(over.file, over.start)
        entries = {key.text: (key, value) for key, value in before.pairs()}
        for key, value in over.pairs():
            other = entries.get(key.text)
            entries[key.text] = (key, value if other is None else _joined(other[1], value))
        both.entries = list(entries.values())
        return both
    return over

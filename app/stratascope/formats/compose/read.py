"""Parse Compose files as Compose does: anchors, `extends`, `include`, the override and the `.env` next to it, variables
with defaults.

By compose-spec/spec.md. Services of profiles that are not active are read, too. Decided against `docker compose
config`: it reports no line numbers, and expands the environment.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from itertools import islice

from stratascope.core.message import Message, msg
from stratascope.core.options.given import Position, Problem, Service
from stratascope.formats.compose.keys import Keys, Variables, dotenv
from stratascope.formats.text import LEVELS, MOST_SERVICES, Counted, Read, ReferencedFiles, TooMuchError, same, unread
from stratascope.formats.yaml.read import VALUES, List, Mapping, Node, Text, YamlError, at, documents, texts

_DEFAULT = frozenset(("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"))
_RUNS = ("command", "entrypoint", "environment")
_REPLACED = frozenset(("command", "entrypoint"))  # lists that an override replaces instead of extending
_NO_NAME = re.compile(r"[^a-z0-9_-]").sub  # characters not allowed in a project's name
Fields = dict[str, tuple[Text, Node]]


def is_compose(documents_: Sequence[Node]) -> bool:
    """Whether it is a Compose file, by the keys that Compose requires."""
    first = documents_[0] if documents_ else None
    return any(isinstance(at(first, key), Mapping | List) for key in ("services", "include"))


def read(document: Node, file: str, files: ReferencedFiles) -> Read:
    """All services, in order. Raises TooMuchError."""
    return _Compose(files).read(document, file)


def read_named(named: Sequence[tuple[str, Position]], files: ReferencedFiles) -> Read:
    """The services of these files together, as of `docker compose -f FILE -f FILE`, which reads no override by itself.
    Raises TooMuchError.
    """
    return _Compose(files).read_named(named)


class _Compose:
    def __init__(self, files: ReferencedFiles) -> None:
        self._files = files
        self._problems: list[Problem] = []
        self._documents: dict[str, Mapping | None] = {}
        self._taken: set[str] = set()  # files already included
        self._whole: dict[tuple[str, str], Fields] = {}  # services merged with what they extend, by file and name
        self._values = 0  # number of values in all of them
        self._volumes: dict[str, Node] = {}
        self._given: dict[str, Node] = {}  # secrets and configs
        self._named: dict[int, dict[str, Node]] = {}
        self._project = ""
        self._places: dict[str, Position] = {}

    def read(self, document: Node, file: str) -> Read:
        assert isinstance(document, Mapping)
        self._documents[same(file)] = document
        self._name(document, file)
        found = self._services(document, file, ())
        override = self._override(file)
        if override:
            other = self._document(override, document.place)
            for service, fields in ({} if other is None else self._services(other, override, ())).items():
                found[service] = _merged(found.get(service, {}), fields)
        return self._made(found, file, document.place)

    def read_named(self, named: Sequence[tuple[str, Position]]) -> Read:
        found: dict[str, Fields] = {}
        for file, asked in named:
            document = self._document(file, asked)
            if document is not None:
                self._name(document, named[0][0])
                for service, fields in self._services(document, file, ()).items():
                    found[service] = _merged(found.get(service, {}), fields)
        return self._made(found, *named[0])

    def _name(self, document: Mapping, file: str) -> None:
        """Take the project's name from its document, else from the folder of its first file."""
        name = document.get("name")
        folder = posixpath.basename(posixpath.dirname(posixpath.abspath(file) if file else "/"))
        if isinstance(name, Text):
            self._project = name.text
        elif not self._project:
            self._project = _NO_NAME("", folder.lower()).lstrip("_-")

    def _made(self, found: dict[str, Fields], file: str, asked: Position) -> Read:
        text = self._files.read(posixpath.join(posixpath.dirname(file), ".env"), asked)
        variables = Variables({**dotenv(text or ""), **self._files.variables})
        services, counted = [], Counted()
        for service, fields in islice(found.items(), MOST_SERVICES):
            keys = Keys(variables, self._volumes, self._given, self._project)
            said = keys.read(fields)
            self._problems += keys.problems
            place = next(iter(fields.values()))[0].place if fields else Position(file, 0)
            place = self._places.get(service, place)
            counted.take(said, place)
            services.append(
                Service(
                    name=service,
                    place=place,
                    image=keys.image or f"{self._project}-{service}",
                    said=tuple(said),
                    words=tuple(text for key in _RUNS if key in fields for text in texts(fields[key][1])),
                    labels=keys.labels,
                    folder=posixpath.dirname(file),
                )
            )
        if not services:
            self._problems.append(Problem(Position(file, 0), msg("There is no service here."), True))
        return Read(tuple(services), tuple(self._problems))

    def _services(self, document: Mapping, file: str, above: tuple[str, ...]) -> dict[str, Fields]:
        """The services of a file and its includes. `above`: the files that include it."""
        found: dict[str, Fields] = {}
        above = (*above, same(file))
        self._taken.add(same(file))
        for each, place in self._included(document, file):
            if same(each) in above:
                what = msg("This file includes itself, which Compose refuses: remove this include.")
                self._problems.append(Problem(place, what, unread=True))
            elif same(each) not in self._taken and (other := self._document(each, place)) is not None:
                _few_enough(above, place)
                found |= self._services(other, each, above)
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

    def _included(self, document: Mapping, file: str) -> list[tuple[str, Position]]:
        node = document.get("include")
        names = []
        for item in node.items if isinstance(node, List) else ():
            path = item.get("path") if isinstance(item, Mapping) else item
            for each in path.items if isinstance(path, List) else (path,):
                if isinstance(each, Text):
                    names.append((posixpath.join(posixpath.dirname(file), each.text), each.place))
        return names

    def _override(self, file: str) -> str:
        """The override file that Compose reads by default."""
        folder, name = posixpath.split(file)
        if name not in _DEFAULT:
            return ""
        stem = name.rpartition(".")[0]
        there = self._files.names(folder or ".")
        return next((posixpath.join(folder, f"{stem}.override.{end}") for end in ("yml", "yaml")
                     if f"{stem}.override.{end}" in there), "")  # fmt: skip

    def _document(self, file: str, asked: Position) -> Mapping | None:
        if same(file) in self._documents:
            return self._documents[same(file)]
        text = self._files.read(file, asked)
        found: Mapping | None = None
        if text is None:
            self._problems.append(unread(file, asked))
        else:
            try:
                first = next(iter(documents(text, file)), None)
                found = first if isinstance(first, Mapping) else None
            except YamlError as error:
                self._problems.append(Problem(Position(file, error.line), error.message, unread=True))
        self._documents[same(file)] = found
        return found

    def _fields(self, node: Node, file: str, name: Text, above: tuple[tuple[str, str], ...]) -> Fields:
        """A service's keys, merged with those of the service it extends. `above`: the services that extend it."""
        this = (same(file), name.text)
        if this not in self._whole:
            self._whole[this] = {}
            self._whole[this] = found = self._extending(node, file, (*above, this))
            self._values += sum(value.size for _, value in found.values())
            if self._values > VALUES:
                what = msg(
                    "With all that they extend, the services have more than {most} values: remove some.", most=VALUES
                )
                raise TooMuchError(name.place, what)
        return self._whole[this]

    def _extending(self, node: Node, file: str, above: tuple[tuple[str, str], ...]) -> Fields:
        if not isinstance(node, Mapping):
            if not (isinstance(node, Text) and node.empty):
                self._say(node.place, msg("A service has to be a mapping."))
            return {}
        own: Fields = {key.text: (key, value) for key, value in node.pairs()}
        extends = own.pop("extends", None)
        if extends is None:
            return own
        place = extends[0].place
        other, service = _extended(extends[1])
        where = posixpath.join(posixpath.dirname(file), other) if other else file
        if not service:
            self._say(place, msg("This does not say which service it extends."))
            return own
        if (same(where), service) in above:
            what = msg("This service extends itself, which Compose refuses: remove this extends.")
            self._problems.append(Problem(place, what, unread=True))
            return own
        _few_enough(above, place)
        document = self._document(where, place)
        found = None if document is None else self._by_name(document).get(service)
        if found is None:
            if document is not None:
                self._say(place, msg("There is no service {name} to extend.", name=service))
            return own
        base = self._fields(found, where, Text(where, found.start, service, plain=True), above)
        return _merged({key: value for key, value in base.items() if key != "depends_on"}, own)

    def _by_name(self, document: Mapping) -> dict[str, Node]:
        """The services of a document by name, cached."""
        known = self._named.get(id(document))
        if known is None:
            services = document.get("services")
            known = {key.text: node for key, node in services.pairs()} if isinstance(services, Mapping) else {}
            self._named[id(document)] = known
        return known

    def _say(self, place: Position, text: Message) -> None:
        self._problems.append(Problem(place, text))


def _extended(node: Node) -> tuple[str, str]:
    """The extended service's file ("" for the same) and name."""
    if isinstance(node, Text):
        return "", node.text
    if isinstance(node, Mapping):
        file, service = node.get("file"), node.get("service")
        return file.text if isinstance(file, Text) else "", service.text if isinstance(service, Text) else ""
    return "", ""


def _few_enough(above: Sequence[object], place: Position) -> None:
    """Raise TooMuchError if the nesting exceeds the limit."""
    if len(above) > LEVELS:
        what = msg(
            "Files or services build on each other more than {most} levels deep: join some of them.", most=LEVELS
        )
        raise TooMuchError(place, what)


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
        lists.items, lists.size = [*before.items, *over.items], before.size + over.size
        return lists
    if isinstance(before, Mapping) and isinstance(over, Mapping):
        both = Mapping(over.file, over.start)
        entries = {key.text: (key, value) for key, value in before.pairs()}
        for key, value in over.pairs():
            other = entries.get(key.text)
            entries[key.text] = (key, value if other is None else _joined(other[1], value))
        both.entries = list(entries.values())
        both.size = 1 + sum(value.size for _, value in both.entries)
        return both
    return over

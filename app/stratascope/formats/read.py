"""Detect a file's format, read its services, and write a change into it.

Each format's module is imported on use: YAML is slow to load.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.message import Message, msg
from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import Position, Problem, Service
from stratascope.formats.quadlet import unit
from stratascope.formats.run import read as run
from stratascope.formats.text import DEV_CONTAINERS, MOST_SERVICES, Files, Language, Read, ReferencedFiles, TooMuchError
from stratascope.value import replace

MOST = 1 << 20  # characters: the longest Compose files have some tens of thousands
_YAML = (".yml", ".yaml", ".json")
_JSON = re.compile(r"\s*[{/]").match


def read(text: str, file: str, files: Files) -> Read:
    """Read all services of a text. `file`: its name, for positions, and to recognise units by their ending."""
    try:
        found = _read(text, file, ReferencedFiles(files))
    except TooMuchError as error:
        return Read(problems=(Problem(error.place, error.message, True),))
    except RecursionError:
        return _failed(file, 0, msg("Values are nested too deeply."))
    if len(found.services) < MOST_SERVICES:
        return found
    first = found.services[:MOST_SERVICES]
    what = msg("At most {most} containers are read from one file.", most=MOST_SERVICES)
    return replace(found, services=first, problems=(*found.problems, Problem(first[-1].place, what)))


def _read(text: str, file: str, files: ReferencedFiles) -> Read:
    if len(text) > MOST:
        return _failed(file, 0, msg("The file is too long: at most {most} characters are read here.", most=MOST))
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return _failed(file, line, msg("This is not text: it contains null bytes."))
    dev_container = _dev_container(text, file, files)
    if dev_container is not None:
        return dev_container
    if unit.is_unit(text, file):
        from stratascope.formats.quadlet import read as quadlet

        return replace(quadlet.read(text, file, files), language=Language.QUADLET)
    if run.is_run(text) and not file.endswith(_YAML):
        return replace(run.read(text, file), language=Language.RUN)
    return _yaml(text, file, files)


def _dev_container(text: str, file: str, files: ReferencedFiles) -> Read | None:
    """None if it is no devcontainer.json."""
    if not _JSON(text) and posixpath.basename(file) not in DEV_CONTAINERS:
        return None
    from stratascope.formats.devcontainer import read as devcontainer
    from stratascope.formats.devcontainer.jsonc import JsonError

    try:
        found = devcontainer.document(text, file)
    except JsonError as error:
        return _failed(file, error.line, error.message)
    if found is None:
        return None
    return replace(devcontainer.read(found, text, file, files), language=Language.DEVCONTAINER)


def _yaml(text: str, file: str, files: ReferencedFiles) -> Read:
    from stratascope.formats.compose import read as compose
    from stratascope.formats.kubernetes import read as kubernetes
    from stratascope.formats.yaml.read import Mapping, YamlError, documents, template

    try:
        found = documents(text, file)
    except YamlError as error:
        return _failed(file, error.line, error.message)
    if kubernetes.is_manifest(found):
        return replace(kubernetes.read(found, file), language=Language.KUBERNETES)
    if compose.is_compose(found):
        made = replace(compose.read(found[0], file, files), language=Language.COMPOSE)
        if len(found) > 1:
            what = msg("Compose reads only the first document: what follows is ignored.")
            return replace(made, problems=(*made.problems, Problem(found[1].place, what)))
        return made
    if "{{" in text and not any(isinstance(each, Mapping) for each in found):
        return _failed(file, text[: text.index("{{")].count("\n") + 1, template())
    return _failed(
        file,
        0,
        msg(
            "This is not recognised as a run command, a Compose file, a Quadlet unit, a Kubernetes manifest or a "
            "devcontainer.json."
        ),
    )


def _failed(file: str, line: int, what: Message) -> Read:
    return Read(problems=(Problem(Position(file, line), what, True),))


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change, in its own format. Raises UnwritableError."""
    if service.options_end is not None:
        return run.rewritten(text, service, change)
    if unit.is_unit(text, file):
        return unit.rewritten(text, change)
    from stratascope.formats.devcontainer import edit as dev_container_edit
    from stratascope.formats.devcontainer.jsonc import JsonError
    from stratascope.formats.devcontainer.read import document as dev_container

    try:
        object_ = dev_container(text, file)
    except JsonError as error:
        raise UnwritableError(file) from error
    if object_ is not None:
        return dev_container_edit.rewritten(text, object_, file, service, change)
    from stratascope.formats.compose import edit as compose_edit
    from stratascope.formats.compose.read import is_compose
    from stratascope.formats.kubernetes import edit as kubernetes_edit
    from stratascope.formats.kubernetes.read import is_manifest
    from stratascope.formats.yaml.read import YamlError, documents

    try:
        found = documents(text, file)
        if is_manifest(found):
            return kubernetes_edit.rewritten(text, file, service, change)
        if is_compose(found):
            return compose_edit.rewritten(text, file, service.name, change)
    except YamlError as error:
        raise UnwritableError(file) from error
    raise UnwritableError(file)

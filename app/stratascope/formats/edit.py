"""A change written into a text, in the text's own language."""

from __future__ import annotations

from stratascope.core.options.difference import Change, UnwritableError
from stratascope.core.options.given import Service
from stratascope.formats.compose import edit as compose_edit
from stratascope.formats.compose.read import is_compose
from stratascope.formats.kubernetes import edit as kubernetes_edit
from stratascope.formats.kubernetes.read import is_manifest
from stratascope.formats.quadlet import edit as quadlet_edit
from stratascope.formats.quadlet.unit import is_unit
from stratascope.formats.run import edit as run_edit
from stratascope.formats.yaml.read import YamlError, documents


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    if service.options_end is not None:
        return run_edit.rewritten(text, service, change)
    if is_unit(text, file):
        return quadlet_edit.rewritten(text, change)
    try:
        found = documents(text, file)
        if is_manifest(found):
            return kubernetes_edit.rewritten(text, file, service, change)
        if is_compose(found):
            return compose_edit.rewritten(text, file, service.name, change)
    except YamlError as error:
        raise UnwritableError(file) from error
    raise UnwritableError(file)

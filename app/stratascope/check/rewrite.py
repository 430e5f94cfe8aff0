"""A change written into a text, in the text's own language."""

from __future__ import annotations

from stratascope.check import compose, kubernetes, rewrite_compose, rewrite_kubernetes, rewrite_quadlet, rewrite_run
from stratascope.check.changes import Change, UnwritableError
from stratascope.check.reading import Service
from stratascope.check.unit_text import is_unit
from stratascope.check.yaml_nodes import YamlError, documents


def rewritten(text: str, file: str, service: Service, change: Change) -> str:
    """The text with one change. Raises UnwritableError."""
    if service.options_end is not None:
        return rewrite_run.rewritten(text, service, change)
    if is_unit(text, file):
        return rewrite_quadlet.rewritten(text, change)
    try:
        found = documents(text, file)
        if kubernetes.is_manifest(found):
            return rewrite_kubernetes.rewritten(text, file, service, change)
        if compose.is_compose(found):
            return rewrite_compose.rewritten(text, file, service.name, change)
    except YamlError as error:
        raise UnwritableError(file) from error
    raise UnwritableError(file)

"""Export a container's wanted options for another tool: selects the writer. Pure."""

from __future__ import annotations

from stratascope.core.container import EngineKind
from stratascope.core.message import msg
from stratascope.core.options.request import RunOptions
from stratascope.core.shell_quote import NoNotationError
from stratascope.formats.compose import write as compose
from stratascope.formats.kubernetes import write as kubernetes
from stratascope.formats.quadlet import write as quadlet
from stratascope.formats.run import write as run
from stratascope.formats.shared import ExportError, ExportKind, seccomp_profile

__all__ = ["ExportError", "ExportKind", "export"]


def export(kind: ExportKind, options: RunOptions, *, secrets: bool = False, profile: str = "") -> str:
    """The text of a file or command, ending in a newline. Raises ExportError.

    `secrets`: write the values of environment variables, not just their names. `profile`: text of the seccomp profile's
    file, or of the engine's default one, if the options do not contain the JSON.
    """
    try:
        return _written(kind, options, secrets, profile)
    except NoNotationError as error:
        raise ExportError(error.message) from error
    except ValueError as error:  # the engine reported text instead of a number
        raise ExportError(msg("It could not be exported: {words}", words=str(error))) from error


def _written(kind: ExportKind, options: RunOptions, secrets: bool, profile: str) -> str:
    match kind:
        case ExportKind.DOCKER_RUN:
            return run.render(options, EngineKind.DOCKER, secrets)
        case ExportKind.PODMAN_RUN:
            return run.render(options, EngineKind.PODMAN, secrets)
        case ExportKind.COMPOSE:
            return compose.render(options, secrets)
        case ExportKind.QUADLET:
            return quadlet.render(options)
        case ExportKind.KUBERNETES:
            return kubernetes.render(options, secrets)
        case ExportKind.SECCOMP:
            return seccomp_profile(options, profile)

"""A plan as text that others read: exports, the text for its owner's files, and the command that would do the same."""

from __future__ import annotations

from collections.abc import Callable

from stratascope.core.container import Asked, EngineKind
from stratascope.core.message import msg
from stratascope.core.options.request import RunOptions
from stratascope.core.owners import OwnerError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import OwnerKind, OwnerText
from stratascope.formats.export import ExportError, ExportKind, export
from stratascope.formats.quadlet import write as quadlet
from stratascope.formats.run import write as run
from stratascope.formats.shared import compact_profile, has_profile
from stratascope.i18n.translate import translate
from stratascope.usecases.plan.plan import Plan

_FORMATS = {OwnerKind.COMPOSE: ExportKind.COMPOSE, OwnerKind.SYSTEMD: ExportKind.QUADLET}
_PROFILE_PATHS = {OwnerKind.COMPOSE: run.profile_path, OwnerKind.SYSTEMD: quadlet.profile_path}


def exports_of(made: Plan) -> tuple[tuple[ExportKind, Callable[[], str]], ...]:
    """Each kind of export with the text that it comes to. Raises ExportError, ValueError when it is wanted."""

    def text_of(kind: ExportKind) -> Callable[[], str]:
        return lambda: export(kind, options_of(made))

    return tuple((kind, text_of(kind)) for kind in ExportKind)


def run_options(spec: LaunchSpec, wanted: Asked, body: str) -> RunOptions:
    """What the exports write, read from the body that a plan would create. Raises ValueError."""
    if spec.kind is EngineKind.DOCKER:
        from stratascope.engines.docker.run_options import run_options as read
    else:
        from stratascope.engines.podman.run_options import run_options as read
    return read(spec, wanted, body)


def options_of(made: Plan) -> RunOptions:
    """The same for a plan. Raises ValueError."""
    return run_options(made.spec, made.wanted, made.body)


def owner_text(kind: OwnerKind, spec: LaunchSpec, wanted: Asked, body: str) -> OwnerText:
    """The override file or drop-in, with the seccomp profile that it names. No secrets. Raises OwnerError."""
    try:
        options = run_options(spec, wanted, body)
        text = export(_FORMATS[kind], options)
        if not has_profile(options):
            return OwnerText(text)
        return OwnerText(text, compact_profile(options), _PROFILE_PATHS[kind](options))
    except (ExportError, ValueError) as error:
        words = translate(error.message) if isinstance(error, ExportError) else str(error)
        raise OwnerError(msg("Its settings can't be written as a file for its owner."), words) from error


def command(made: Plan) -> str:
    """The command that would do the same, without the values of the environment; with an owner, that one's."""
    if made.owner is not None:
        return "\n".join(made.owner.commands) + "\n"
    kind = ExportKind.DOCKER_RUN if made.spec.kind is EngineKind.DOCKER else ExportKind.PODMAN_RUN
    try:
        return export(kind, options_of(made))
    except (ExportError, ValueError):
        return ""

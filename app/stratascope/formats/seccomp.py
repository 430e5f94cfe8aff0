"""The seccomp profile as a file that Docker, Podman and Kubernetes take.

A custom profile as it is; the engine's default from its own file where it has one. Docker's has none, so it is written
from the newest filter that was measured (linux/defaults.py), for the capabilities that are wanted.
"""

from __future__ import annotations

import json

from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.options.request import RunOptions
from stratascope.formats.shared import ExportError
from stratascope.linux.defaults import DOCKER
from stratascope.linux.seccomp_profile import pretty, profile_text
from stratascope.linux.syscalls import Abi

_OPEN = {"defaultAction": "SCMP_ACT_ALLOW"}
_ARCHITECTURES = {Abi.X86_64: (Abi.X86_64, Abi.I386, Abi.X32), Abi.AARCH64: (Abi.AARCH64,)}
_ENTRIES = {Abi.X86_64: (Abi.X86_64, Abi.I386), Abi.AARCH64: (Abi.AARCH64,)}


def render(options: RunOptions, text: str, abi: Abi = Abi.X86_64) -> str:
    """The JSON. `text` is that of the profile's file, where the caller read one. Raises ExportError."""
    given = options.seccomp if options.seccomp.lstrip().startswith("{") else text
    kind = options.asked.seccomp
    if kind is ProfileKind.UNCONFINED or (options.asked.privileged and kind is not ProfileKind.CUSTOM):
        return pretty(_OPEN)
    if given:
        try:
            value = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ExportError(msg("The seccomp profile is not JSON: {words}", words=str(error))) from error
        if not isinstance(value, dict):
            raise ExportError(msg("The seccomp profile is not a JSON object."))
        return pretty(value)
    if kind is ProfileKind.CUSTOM:
        raise ExportError(msg("The seccomp profile {path} can't be read.", path=options.seccomp))
    if options.kind is not EngineKind.DOCKER:
        raise ExportError(msg("The engine's default seccomp profile can't be read."))
    if options.asked.capabilities is None:
        raise ExportError(msg("The engine does not say which capabilities it gives, and its profile depends on them."))
    return _docker(frozenset(options.asked.capabilities), abi)


def _docker(held: frozenset[str], abi: Abi) -> str:
    """The measured filter as rules: calls of the same answer together."""
    # The older entry points have names that the first lacks; rules hold for all of them
    calls = {name: each for other in reversed(_ENTRIES[abi]) for name, each in DOCKER[-1].calls(held, other).items()}
    return profile_text(calls, _ARCHITECTURES[abi])

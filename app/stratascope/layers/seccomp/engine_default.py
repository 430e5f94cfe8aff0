"""The engine's default filter for a container: from its file if it has one, else as measured for its version.

Podman's is a file on this host. The engine may read a different one (an engine with another root directory, a package
updated since), so if the file disagrees with the measured version about a call, that call is undecided. A file in /etc
is an administrator's, and trusted.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.container import EngineKind
from stratascope.core.ground import PROFILES, Surroundings
from stratascope.layers.seccomp.conditions import verdict_of
from stratascope.layers.seccomp.filter_source import (
    FilterSource,
    MeasuredDefault,
    ProfileFilter,
    kernel_release,
)
from stratascope.layers.seccomp.tables import more
from stratascope.linux.decode import DecodeError
from stratascope.linux.defaults.filters import TABLES
from stratascope.linux.seccomp_answer import NOT_FOLLOWED
from stratascope.linux.syscalls import Abi
from stratascope.value import replace

_OF_ADMINISTRATOR = "/etc/"
_MEASURED_ON = "x86_64"


def default_filter(capabilities: frozenset[str] | None, around: Surroundings) -> FilterSource | None:
    """The engine's default with these capabilities; None if it is in a file that could not be read."""
    if capabilities is None:
        return None
    engine = around.engine
    measured = MeasuredDefault(engine.kind, engine.version, capabilities)
    if engine.kind is EngineKind.DOCKER:
        return measured
    files = {path: text for path, text in around.ground.profiles if path in PROFILES}
    named = engine.facts.seccomp_profile
    path = named if named.startswith("/") else next(iter(files), "")
    if path not in files:
        return measured if path == PROFILES[-1] and measured.measured else None
    found = profile_filter(files[path], path, capabilities, around)
    if path.startswith(_OF_ADMINISTRATOR) or found.machine != _MEASURED_ON:
        return found
    return replace(found, doubted=_doubted(found, measured))


def profile_filter(text: str, source: str, capabilities: frozenset[str], around: Surroundings) -> ProfileFilter:
    """A filter from a profile's text, for this container and kernel."""
    ground = around.ground
    return ProfileFilter(text, source, capabilities, kernel_release(ground), ground.machine or _MEASURED_ON)


@remembered(4000)
def _doubted(file: ProfileFilter, measured: MeasuredDefault) -> frozenset[str]:
    """Calls for which the file differs from what was measured for the engine's version."""
    try:
        if measured.measured:
            return _differing(file, measured)
        # newer than all measured versions: it can't be an older one's file
        for table in TABLES[measured.engine]:
            if not _differing(file, replace(measured, version=table.version)):
                every = replace(measured, version="").answers(Abi.X86_64)
                return frozenset(name for name, outcomes in every.calls if outcomes == NOT_FOLLOWED)
    except DecodeError:
        pass  # not a valid profile, which is reported where it is used
    return frozenset()


def _differing(file: ProfileFilter, measured: MeasuredDefault) -> frozenset[str]:
    one, two = file.answers(Abi.X86_64), measured.answers(Abi.X86_64)
    undecided = {name for name, outcomes in two.calls if outcomes == NOT_FOLLOWED}
    found = {
        name
        for (name, said), (_, known) in zip(one.calls, two.calls, strict=True)
        if verdict_of(said) is not verdict_of(known)
    }
    return frozenset(found.union(more(one, two), more(two, one)) - undecided)

"""Where engines and their adapters are built and passed in. SDKs are imported only when an engine is contacted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING

from stratascope import resources, sandbox
from stratascope.background_call import BackgroundCall
from stratascope.core.container import Engine, EngineKind, EngineState
from stratascope.core.message import msg
from stratascope.core.ports import ContainerCapture, EngineError, EnginePort, OwnerError, ProbeError, Prober
from stratascope.core.sandboxes.asked.systemd import PROPERTIES
from stratascope.core.snapshot import MachineCapture, Snapshot
from stratascope.core.threats.catalogue import all_threats
from stratascope.engines.discovery import VARIABLE, discover, sandboxes_wanted
from stratascope.engines.open import open_engine, translators
from stratascope.layers import all_layers
from stratascope.makers.port import Look, SandboxesPort
from stratascope.makers.translate import translate
from stratascope.probe.local import LocalProber
from stratascope.state.preferences import ENGINES, SANDBOXES
from stratascope.state.settings import Settings
from stratascope.usecases.live.assembler import Assembler
from stratascope.usecases.live.reader import EngineQueries, Reach, Reader, Translations, confined_by, take

if TYPE_CHECKING:
    from stratascope.engines.shared.endpoint import Endpoint
    from stratascope.probe.helper.elevated import ElevatedProber
    from stratascope.probe.observer import Root
    from stratascope.usecases.daily.daily import Daily
    from stratascope.usecases.live.exported_programs import Kept


_UNITS = 10.0  # seconds for systemctl


def translations() -> Translations:
    """Translates engine JSON into containers, for one reader and its assembler."""
    return Translations({**translators(), EngineKind.SANDBOXES: translate})


def assembler(shared: Translations | None = None, *, verified_only: bool = False) -> Assembler:
    """Builds snapshots from captures; `verified_only`: ignores what only an engine states."""
    return Assembler(all_layers(), shared or translations(), verified_only=verified_only)


def _image_programs() -> Kept:
    from stratascope.state.image_programs import ImagePrograms  # few need it

    return ImagePrograms()


class Engines:
    """The engines found, and the probers that reach their processes. A context manager that closes them."""

    def __init__(self, ports: tuple[EnginePort, ...]) -> None:
        self.ports = ports
        self.access = sandbox.access()
        self.local = own_prober(self.access)
        self._remote: dict[tuple[str, ...], Prober] = {}  # by the command that reaches the machine
        self._lock = threading.Lock()
        self._elevated: list[ElevatedProber] = []
        self._look_by(lambda: confined_by(self.local))

    def reader(self, shared: Translations) -> Reader:
        """A reader for the processes of these engines' containers."""
        reader = Reader(all_layers(), shared, self.local, self.reach, _image_programs)
        self._look_by(reader.confined)
        return reader

    def _look_by(self, look: Look) -> None:
        for port in self.ports:
            if isinstance(port, SandboxesPort):
                port.look = look

    def root(self, environ: Mapping[str, str] | None = None, *, terminal: bool = False) -> Root:
        """Access to a prober that is root. `terminal`: a person sits at the terminal that we run on."""
        from stratascope.probe.observer import Root

        return Root(os.environ if environ is None else environ, self._elevated, access=self.access, terminal=terminal)

    def close(self) -> None:
        """Close everything that was started."""
        for port in self.ports:
            port.close()
        for prober in (self.local, *self._remote.values(), *self._elevated):
            prober.close()

    def reach(self, engine: Engine) -> Reach:
        """The ways to the processes of that engine's containers."""
        return Reach(
            self._prober(engine),
            self._top(engine),
            self._configuration(engine),
            self._profile(engine),
            self._export(engine),
        )

    def _export(self, engine: Engine) -> Callable[[str], Iterator[bytes]] | None:
        port = self._port(engine)
        return None if port is None else port.exported

    def _prober(self, engine: Engine) -> Prober | None:
        if engine.local:
            return self.local
        port = self._port(engine)
        prefix = () if port is None else port.shell
        if not prefix:
            return None
        from stratascope.probe.piped import PipedProber

        with self._lock:
            if prefix not in self._remote:
                self._remote[prefix] = PipedProber(prefix)
            return self._remote[prefix]

    def _top(self, engine: Engine) -> Callable[[str, int], ContainerCapture] | None:
        port = self._port(engine)
        if port is None or port.top is None:
            return None
        from stratascope.probe.podman_top import PodmanTop

        return PodmanTop(port.top)

    def _configuration(self, engine: Engine) -> Callable[[str], str] | None:
        if not engine.local or self.access is not sandbox.Access.OUTSIDE:
            return None
        from stratascope.engines.shared.runtime_state import seccomp_here

        return seccomp_here

    def _profile(self, engine: Engine) -> Callable[[str, float], str] | None:
        if not engine.local or self.access is not sandbox.Access.OUTSIDE:
            return None
        from stratascope.engines.shared.runtime_state import profile_here

        return profile_here

    def port(self, engine: str) -> EnginePort:
        """The engine with this id. Raises EngineError if there is none."""
        for port in self.ports:
            if port.id == engine:
                return port
        raise not_among(engine)

    def _port(self, engine: Engine) -> EnginePort | None:
        return next((port for port in self.ports if port.id == engine.id), None)


def own_prober(access: sandbox.Access) -> Prober:
    """The prober for what this program may access of the host."""
    if access is sandbox.Access.OUTSIDE:
        return LocalProber()
    from stratascope.probe.piped import HostProber, WithheldProber  # it loads modules for child processes

    return HostProber() if access is sandbox.Access.GRANTED else WithheldProber()


def not_among(engine: str) -> EngineError:
    """The error that there is no engine with this id."""
    return EngineError(EngineState.ABSENT, msg("The engine {name} is not among those found.", name=engine))


@contextmanager
def open_engines(
    only: tuple[str, ...] = (), environ: Mapping[str, str] | None = None, *, sandboxes: bool = False
) -> Iterator[Engines]:
    """Open the engines of this environment (`only`: those ids or endpoints), and close them at the end. `sandboxes`:
    with what else is confined on this machine.
    """
    found = find_engines(only, environ, sandboxes=sandboxes)
    try:
        yield found
    finally:
        found.close()


def find_engines(
    only: tuple[str, ...] = (), environ: Mapping[str, str] | None = None, *, sandboxes: bool = False
) -> Engines:
    """The same for a caller that closes them itself. Raises ProbeError if one of `only` is unknown."""
    environ = os.environ if environ is None else environ
    found = discover(environ, further=ENGINES.of(Settings()))
    if only:
        found = tuple(dict.fromkeys(end for word in only for end in _named(word, found, environ)))
    ports: list[EnginePort] = [open_engine(endpoint, environ) for endpoint in found]
    return Engines((*ports, SandboxesPort(show=partial(_units, environ))) if sandboxes else tuple(ports))


def _units(environ: Mapping[str, str], names: Sequence[str], own: bool) -> str:
    """What `systemctl show` says of these units; "" where there is none, or it fails."""
    from stratascope.owners.host import run  # few machines have such units that were not asked about yet

    manager = ("--user",) if own else ()
    wanted = ("--no-ask-password", "--no-pager", "show", f"--property={','.join(PROPERTIES)}", "--", *names)
    with suppress(OwnerError):
        return run(("systemctl", *manager, *wanted), environ, limit=_UNITS)
    return ""


def _named(word: str, found: tuple[Endpoint, ...], environ: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """The endpoints that a user means by an id or an address; an address need not have been discovered."""
    named = tuple(endpoint for endpoint in found if word in (endpoint.id, endpoint.endpoint))
    if named:
        return named
    if "://" in word:
        return discover({**environ, VARIABLE: word})
    known = ", ".join(endpoint.id for endpoint in found)
    raise ProbeError(
        msg(
            "There is no engine {name}. Use one of these, or an address such as unix:///path: {known}.",
            name=word,
            known=known,
        ),
        word,
    )


def describe(engines: Engines) -> tuple[Engine, ...]:
    """The state of each engine, queried in parallel."""
    asked = [BackgroundCall(port.describe) for port in engines.ports]
    return tuple(call.result() for call in asked)


def take_capture(
    engines: Engines, shared: Translations, *, privileged: bool = False, terminal: bool = False
) -> MachineCapture:
    """Capture everything once; `privileged`: also what only root can read, else ProbeError."""
    if privileged:
        reader = engines.reader(shared)
        reader.use(engines.root(terminal=terminal).open())  # a person may take a while
        return take(EngineQueries(engines.ports), reader)
    queries = EngineQueries(engines.ports)
    reader = engines.reader(shared)
    all_threats()  # layers and threats are loaded while the engines answer
    return take(queries, reader)


class LateEngines:
    """This environment's engines, found by the first thread that needs them; never the window's: it takes time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: Engines | None = None

    def get(self) -> Engines:
        """Find them at the first call."""
        with self._lock:
            if self._found is None:
                wanted = sandboxes_wanted(os.environ, SANDBOXES.of(Settings()))
                self._found = find_engines(sandboxes=wanted)
            return self._found


def demo_capture() -> MachineCapture:
    """The demo capture shipped with the program, recorded from real containers."""
    from stratascope.state import capture_file

    return capture_file.load(resources.path("demo/demo.json"))


@cache
def demo_snapshot() -> Snapshot:
    """The demo capture, assessed."""
    return assembler().snapshot(demo_capture(), demo=True)


def daily(late: LateEngines) -> Daily:
    """The daily commands; each engine is opened when it is first used."""
    from stratascope.engines.open import daily_of
    from stratascope.usecases.daily.daily import Daily

    return Daily(lambda engine: daily_of(late.get().port(engine)))

"""The hosts of a check: the engines that answer here, a capture, or a recorded default of each kind."""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from stratascope import atomic_file
from stratascope.background_call import BackgroundCall
from stratascope.core.capture import Capture, or_none
from stratascope.core.container import Container, Engine, EngineKind, EngineState, Image
from stratascope.core.ground import Ahead, IdMaps, decode_ground
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.snapshot import MachineCapture
from stratascope.core.threats.catalogue import all_threats
from stratascope.engines.shared.rest_engine import RestEngine
from stratascope.layers import all_layers
from stratascope.linux.mounts import Mount
from stratascope.linux.namespace import IdRange, parse_idmap
from stratascope.probe.files_ahead import FilesAhead
from stratascope.probe.image_files import accounts_of
from stratascope.sandbox import Access, access
from stratascope.usecases.check.baseline import Ids
from stratascope.usecases.check.check import Checker, Host
from stratascope.usecases.live.reader import machine_of
from stratascope.value import replace
from stratascope.wiring.engines import Engines, translations
from stratascope.wiring.views import ProgramsHere, Recorded, daemon_here, ids_here, process_of

FILE_MOST = 1 << 20  # bytes of a profile, or another file that a definition names
FOLDER_MOST = 10_000
RECORDED = frozenset(("docker", "docker-rootless", "podman", "podman-rootless"))  # in resources/predicted/plain.json


class LocalHosts:
    """`usecases.check.Hosts` of this machine, or of the machine that a capture was taken on."""

    def __init__(
        self, engines: Engines | None, capture: MachineCapture | None = None, wanted: Sequence[str] = ()
    ) -> None:
        """`wanted`: ids or addresses, one of which must be used."""
        self._engines, self._capture, self._wanted = engines, capture, wanted
        self._shared, self._recorded, self._programs = translations(), Recorded(), ProgramsHere()
        self._files: dict[str, FilesAhead] = {}
        self._asked: dict[str, BackgroundCall[Engine]] = {}
        self._images: dict[tuple[str, str], BackgroundCall[Image | None]] = {}
        self._own: Capture | None = None

    def host(self, kind: EngineKind | None) -> Host:
        """See `Hosts`."""
        engine = self._chosen(kind)
        ground = decode_ground(self._ground(engine))
        if self._capture is not None:
            return Host(engine, ground, *self._recorded.plain(engine, ground, self._ids_there(self._capture, engine)))
        engine, ground = daemon_here(engine, ground)
        plain, read = self._recorded.plain(engine, ground, ids_here(engine))
        return Host(engine, ground, plain, self._programs.beside(read) if engine.local else read)

    def _ids_there(self, capture: MachineCapture, engine: Engine) -> Ids | None:
        """The id ranges of a rootless engine's user, from containers without a map of their own."""
        for item in capture.containers:
            if item.raw.engine != engine.id or item.found is None:
                continue
            asked, read = self._shared.container(item.raw, engine).asked, item.found.first
            users, groups = (or_none(read.decoded(name, parse_idmap)) for name in ("uid_map", "gid_map"))
            if users and groups and not asked.uid_map and asked.userns_mode in ("", "host"):
                return tuple(map(_range, users)), tuple(map(_range, groups))
        return None

    def expect(self, kind: EngineKind | None, image: str) -> None:
        """See `Hosts`. Engines of other kinds are not even contacted."""
        for port in () if self._engines is None or self._capture is not None else self._engines.ports:
            if not isinstance(port, RestEngine) or kind not in (None, port.kind):
                continue
            if port.id not in self._asked:
                self._asked[port.id] = BackgroundCall(port.describe)
            if image and (port.id, image) not in self._images and kind is not None:
                self._images[port.id, image] = BackgroundCall(partial(port.image, image))

    def image(self, host: Host, name: str) -> Image | None:
        """See `Hosts`."""
        port = self._port(host)
        if port is None:
            return None
        known = self._images.pop((host.engine.id, name), None)
        found = port.image(name) if known is None else known.result()
        if found is None or not host.engine.local or access() is not Access.OUTSIDE:
            return found
        return replace(found, accounts=accounts_of(found.layers))

    def volume(self, host: Host, name: str) -> Mapping[str, str]:
        """See `Hosts`."""
        port = self._port(host)
        return {} if port is None else port.volume(name)

    def container(self, host: Host, name: str) -> Container | None:
        """See `Hosts`."""
        port = self._port(host)
        try:
            return None if port is None else self._shared.container(port.inspect(name), host.engine)
        except (EngineError, NoSuchContainerError):
            return None

    def _port(self, host: Host) -> RestEngine | None:
        """The engine itself, if it answers."""
        if self._engines is None or host.engine.state is not EngineState.CONNECTED:
            return None
        port = next((port for port in self._engines.ports if port.id == host.engine.id), None)
        return port if isinstance(port, RestEngine) else None

    def real(self, host: Host, path: str) -> str:
        """See `Hosts`. Only for files that can be read here as the engine sees them."""
        here = self._engines is not None and self._capture is None and host.engine.local
        if not here or access() is not Access.OUTSIDE or path.startswith(("/proc/", "/sys/")):
            return path
        return os.path.realpath(path)

    def look(self, host: Host, mounts: Sequence[Mount], layers: Sequence[str], maps: IdMaps | None) -> Ahead:
        """See `Hosts`. Only here, as `real`."""
        here = self._engines is not None and self._capture is None and host.engine.local
        if not here or access() is not Access.OUTSIDE:
            return Ahead()
        if host.engine.id not in self._files:
            self._files[host.engine.id] = FilesAhead(process_of(host.engine))
        return self._files[host.engine.id].look(mounts, layers, maps)

    def _chosen(self, kind: EngineKind | None) -> Engine:
        """The first engine of that kind that answers; else the recorded default of that kind."""
        self.expect(kind, "")
        self.recorded()  # loaded and parsed while the engines answer
        all_threats()
        if self._engines is not None and self._capture is None:
            self._here()
        found = [call.result() for call in self._asked.values()] if self._capture is None else self._capture.engines
        there = [each for each in found if each.state is EngineState.CONNECTED]
        if self._wanted:
            there = [each for each in there if each.id in self._wanted or each.endpoint in self._wanted]
        of_kind = [each for each in there if kind in (None, each.kind)]
        if of_kind:
            return of_kind[0]
        rootless = any(word.endswith("-rootless") for word in self._wanted)
        for item in self.recorded().engines:
            if item.kind is (kind or EngineKind.DOCKER) and item.rootless is rootless:
                message = msg(
                    "No engine answers here: judged by the known behaviour of version {version}.", version=item.version
                )
                return replace(item, state=EngineState.ABSENT, message=message)
        raise AssertionError("a kind without a capture")

    def recorded(self) -> MachineCapture:
        """A plain container of each kind of engine."""
        return self._recorded.all()

    def _ground(self, engine: Engine) -> Capture:
        if self._capture is not None:
            return self._capture.host_of(engine.id)
        assert self._engines is not None
        if engine.state is EngineState.CONNECTED and not engine.local:
            return machine_of(self._engines.reader(self._shared), engine) or self._here()
        return self._here()

    def _here(self) -> Capture:
        if self._own is None:
            assert self._engines is not None
            self._own = self._engines.reader(self._shared).host()
        return self._own


def _range(part: IdRange) -> range:
    return range(part.outside, part.outside + part.length)


class LocalFiles:
    """`check.reading.Files` of this machine: ordinary files of no more than a megabyte."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def read(self, path: str) -> str | None:
        """See `Files`."""
        try:
            if os.path.realpath(path) == os.devnull:
                return ""  # systemd's convention for a disabled drop-in
            data = atomic_file.read(Path(path), FILE_MOST)
            return None if data is None else data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError):
            return None

    def names(self, folder: str) -> tuple[str, ...]:
        """See `Files`."""
        try:
            return tuple(sorted(each.name for each in islice(Path(folder).iterdir(), FOLDER_MOST)))
        except (OSError, ValueError):
            return ()

    def here(self) -> str:
        """See `Files`."""
        try:
            return str(Path.cwd())
        except OSError:
            return ""  # the directory was removed


def checker(
    engines: Engines | None,
    capture: MachineCapture | None = None,
    wanted: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    kind: EngineKind | None = None,
) -> Checker:
    """Checks for these engines, or for the machine of a capture. `variables`: values that a definition may refer to;
    `kind`: the kind of engine needed first, which is contacted while the rest is loaded.
    """
    hosts = LocalHosts(engines, capture, wanted)
    if kind is not None:
        hosts.expect(kind, "")
    return Checker(all_layers(), hosts, LocalFiles(variables or {}))

"""systemd with Quadlet: a drop-in for the `.container` file, and a restart of the unit that is generated from it.

Only Quadlet's `.container` files are supported: a unit from `podman generate systemd` contains a whole command line,
which no drop-in can change. A unit belongs to the system manager for a rootful engine, else to the user's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from stratascope.core import shell_quote
from stratascope.core.container import Container, Engine, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.ports import OwnerError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import Owned, OwnerFile, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
from stratascope.owners import files
from stratascope.owners.host import barred, config_home, run, there, unreachable, writable

LABEL = "PODMAN_SYSTEMD_UNIT"
DROP_IN = "50-stratascope.conf"
_PROPERTIES = ("LoadState", "ActiveState", "SourcePath", "NeedDaemonReload")
_LOOK = 20.0  # seconds for a command that only reads
_MARGIN = 120.0  # seconds that a restart may take in addition to stopping
_LINES = 40  # of its journal
# systemd.unit(5). Other words would be an option, or a pattern that matches several units.
_NAME = re.compile(r"[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\-]*\.service").fullmatch
_NEEDED = 5  # the first Podman whose Quadlet reads drop-ins

_EXPORT = msg("Export a Quadlet drop-in, and restart the unit with it.")


class Systemd:
    """The manager that runs the units of one engine."""

    def __init__(self, engine: Engine, environ: Mapping[str, str], uid: int) -> None:
        self._engine, self._uid = engine, uid
        self._environ = {"SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", **environ, "LC_ALL": "C.UTF-8"}
        if engine.rootless:
            self._environ.setdefault("XDG_RUNTIME_DIR", f"/run/user/{uid}")

    def plan(self, container: Container, spec: LaunchSpec, text: Callable[[], OwnerText]) -> OwnerPlan | OwnerRefusal:
        """Plan without changing anything. Raises OwnerError."""
        unit = dict(container.labels).get(LABEL, "")
        why = barred(OwnerKind.SYSTEMD) or self._unable(unit)
        if why is not None:
            return why
        why = self._image(unit, spec)
        if why is not None:
            return why
        try:
            shown = self._show(unit)
        except OwnerError as error:
            return _no(msg("systemd can't be asked about its unit {unit}: {words}", unit=unit,
                           words=error.words or error.message.id))  # fmt: skip
        source = Path(shown["SourcePath"])
        why = unreachable(OwnerKind.SYSTEMD, str(source)) or _unfit(unit, shown) or _changed(container, source)
        if why is not None:
            return why
        folder = self._folder(source)
        if not writable(folder):
            return _no(msg("This user can't write to the directory {path}.", path=str(folder)))
        made = text()
        target = folder / DROP_IN
        before = files.read(str(target))
        if before is not None and before.strip() and not files.ours(before):
            return _no(msg("The file {path} already exists; it is left as it is.", path=str(target)))
        if made.text in (before or ""):
            return _no(msg("The drop-in already contains all of it."))
        made, beside = files.profile(made, lambda name: self._home() / name.removeprefix("%E/"))
        written = (OwnerFile(str(target), files.head(unit) + made.text, before), *beside)
        owned = Owned(
            kind=OwnerKind.SYSTEMD,
            service=unit,
            labels=((LABEL, unit),),
            sources=(str(source),),
            files=written,
            patience=spec.stop_timeout + _MARGIN,
            stamp=_stamp(source),
            endpoint=self._engine.endpoint,
            user=self._engine.rootless,
        )
        return OwnerPlan(
            owned,
            msg("systemd restarts the unit {unit}, with a drop-in for its Quadlet file.", unit=unit),
            tuple(shell_quote.words(command) for command in self._commands(owned)),
            (msg("systemd re-creates it from its Quadlet file: changes made to it by hand are lost."),),
        )

    def check(self, owned: Owned) -> None:
        """Raises OwnerError if the file was changed."""
        if _stamp(Path(owned.sources[0])) != owned.stamp:
            raise OwnerError(msg("The unit's Quadlet file was changed in the meantime. Try again."))

    def recreate(self, owned: Owned, lock: int) -> None:
        """Reload and restart the unit. Raises OwnerError."""
        reload, restart = self._commands(owned)
        run(reload, self._environ, limit=_LOOK, lock=lock)
        with suppress(OwnerError):  # it failed too often just now, perhaps because of our drop-in
            reset = (*self._systemctl(owned.user), "reset-failed", "--", owned.service)
            run(reset, self._environ, limit=_LOOK, lock=lock)
        run(restart, self._environ, limit=owned.patience, lock=lock)

    def last_words(self, owned: Owned) -> str:
        """Read the journal, since a Quadlet container is removed when it ends. Raises OwnerError."""
        scope = ("--user",) if owned.user else ()
        command = ("journalctl", *scope, f"--unit={owned.service}", f"--lines={_LINES}", "--output=cat", "--quiet")
        return run((*command, "--no-pager"), self._environ, limit=_LOOK)

    def _commands(self, owned: Owned) -> tuple[tuple[str, ...], tuple[str, ...]]:
        base = self._systemctl(owned.user)
        return (*base, "daemon-reload"), (*base, "restart", "--", owned.service)

    @staticmethod
    def _systemctl(user: bool) -> tuple[str, ...]:
        return ("systemctl", *(("--user",) if user else ()), "--no-ask-password")

    def _unable(self, unit: str) -> OwnerRefusal | None:
        if self._engine.kind is not EngineKind.PODMAN or not self._engine.local:
            return _no(msg("A systemd unit owns this container, on another machine or of another engine."))
        if not there("systemctl", self._environ):
            return _no(msg("A systemd unit owns this container, but the command systemctl is not installed here."))
        if not _NAME(unit):
            return _no(msg("It is owned by a systemd unit that shares its file with others: {unit}.", unit=unit))
        major = self._engine.version.partition(".")[0]
        if not major.isdigit() or int(major) < _NEEDED:
            return _no(
                msg("Quadlet reads drop-ins only from Podman 5 on; this is {version}.", version=self._engine.version)
            )
        if self._engine.rootless and self._engine.daemon_uid not in (None, self._uid):
            return _no(msg("A systemd unit of another user owns this container."), msg("Run Stratascope as that user."))
        if not self._engine.rootless and self._uid != 0:
            return _no(
                msg("A system unit owns this container, and only root can restart it."),
                msg("Run Stratascope as root, or export a Quadlet drop-in."),
            )
        return None

    def _image(self, unit: str, spec: LaunchSpec) -> OwnerRefusal | None:
        """Refuse if the image itself has that label: its author could have any unit restarted."""
        command = ("podman", "--url", self._engine.endpoint, "image", "inspect", "--format", "{{json .Labels}}")
        try:
            found = json.loads(run((*command, "--", spec.image_id), self._environ, limit=_LOOK))
        except (OwnerError, ValueError, RecursionError) as error:
            words = (error.words or error.message.id) if isinstance(error, OwnerError) else str(error)
            return _no(msg("Whether the unit {unit} created it, or its image only claims so, could not be "
                           "determined: {words}",
                           unit=unit, words=words))  # fmt: skip
        if found is None or (isinstance(found, dict) and LABEL not in found):
            return None
        return _no(
            msg(
                "The image itself claims that systemd owns it, which anyone who builds an image can write. The claim "
                "is ignored."
            ),
            msg("Export the hardened settings, and use an image without these labels."),
        )

    def _show(self, unit: str) -> dict[str, str]:
        options = [word for name in _PROPERTIES for word in ("-p", name)]
        said = run((*self._systemctl(self._engine.rootless), "show", *options, "--", unit), self._environ, limit=_LOOK)
        found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        if any(name not in found for name in _PROPERTIES):
            raise OwnerError(msg("systemctl returned something other than properties."), said[:200].strip())
        return found

    def _home(self) -> Path:
        """The directory of units' own settings (%E of systemd.unit(5))."""
        if not self._engine.rootless:
            return Path("/etc")
        return config_home(self._environ)

    def _folder(self, source: Path) -> Path:
        """The drop-in directory: next to the file, except in a package's own directory."""
        name = f"{source.name}.d"
        if source.is_relative_to("/usr"):
            return self._home() / "containers/systemd" / name
        return source.parent / name


def _unfit(unit: str, shown: Mapping[str, str]) -> OwnerRefusal | None:
    if shown["LoadState"] != "loaded" or not shown["SourcePath"].endswith(".container"):
        return _no(msg("Its unit {unit} is not generated from a Quadlet file, so no drop-in can change it.", unit=unit))
    if not Path(shown["SourcePath"]).is_file():
        return _no(msg("The file that its unit is generated from no longer exists: {path}.", path=shown["SourcePath"]))
    if shown["NeedDaemonReload"] == "yes":
        return _no(
            msg("The files of its unit {unit} were changed since systemd read them.", unit=unit),
            msg("Reload and restart the unit first, so that both match again, or export a Quadlet drop-in."),
        )
    return None


def _changed(container: Container, source: Path) -> OwnerRefusal | None:
    """Refuse if a file is newer than the container: a restart would apply more than our change."""
    try:
        folder = source.with_name(f"{source.name}.d")
        times = [path.stat().st_mtime for path in (source, *folder.glob("*.conf"))]
    except OSError as error:
        return _no(msg("The file that its unit is generated from can't be read: {words}", words=str(error)))
    if container.created and max(times) > container.created:
        return _no(
            msg("The Quadlet file of its unit was changed since the container was created: {path}.", path=str(source)),
            msg("Reload and restart the unit first, so that both match again, or export a Quadlet drop-in."),
        )
    return None


def _stamp(source: Path) -> str:
    try:
        found = source.stat()
    except OSError:
        return ""
    return f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"


def _no(text: Message, instead: Message = _EXPORT) -> OwnerRefusal:
    return OwnerRefusal(OwnerKind.SYSTEMD, text, instead)

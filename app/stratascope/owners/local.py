"""The owners on this machine, for one engine: find a container's owner, and delegate to its files and commands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress

from stratascope.core.container import Container, Engine
from stratascope.core.message import followed, msg
from stratascope.core.ports import OwnerError, OwnerGoneError
from stratascope.core.relaunch.launch_spec import LaunchSpec
from stratascope.core.relaunch.owner import Owned, OwnerKind, OwnerPlan, OwnerRefusal, OwnerText
from stratascope.owners import files
from stratascope.owners.compose import PODMAN_COMPOSE, PREFIX, Compose
from stratascope.owners.host import alone, barred, unreachable
from stratascope.owners.systemd import LABEL, Systemd


class LocalOwners:
    """Implements `core.relaunch.owner.Owners`."""

    def __init__(self, engine: Engine, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._compose = Compose(engine, environ, os.geteuid())
        self._systemd = Systemd(engine, environ, os.geteuid())

    def plan(
        self,
        container: Container,
        spec: LaunchSpec,
        others: Sequence[Container],
        text: Callable[[OwnerKind], OwnerText],
        along: frozenset[str] = frozenset(),
    ) -> OwnerPlan | OwnerRefusal | None:
        """See `core.ports.Owners`."""
        labels = dict(container.labels)
        kind = OwnerKind.COMPOSE
        try:
            if LABEL in labels:  # checked first: a unit may run Compose
                kind = OwnerKind.SYSTEMD
                return self._systemd.plan(container, spec, lambda: text(kind))
            if f"{PREFIX}project" in labels or f"{PODMAN_COMPOSE}project" in labels:
                return self._compose.plan(container, spec, others, lambda: text(kind), along)
        except OwnerError as error:
            why = msg("Its owner can't be asked to change it: {why}", why=error.message)
            if error.words:
                why = followed(why, error.words)
            return OwnerRefusal(kind, why, msg("Fix that first, or change its owner's files by hand."))
        return None

    def check(self, owned: Owned) -> None:
        """Raises OwnerError if the owner's files were changed since."""
        _reach(owned)
        self._of(owned).check(owned)

    def holds(self, owned: Owned) -> bool:
        """Whether all of its files contain our text, unchanged. Raises OwnerError."""
        _reach(owned)
        return all(files.holds(file) for file in owned.files)

    def put(self, owned: Owned) -> None:
        """Write the files, referenced ones first, so that no file names a missing one. Raises OwnerError."""
        _reach(owned)
        with alone(owned.sources[0], owned.patience):
            for file in reversed(owned.files):
                files.put(file, owned.sources[0])

    def take(self, owned: Owned) -> None:
        """Remove our text from the files. Raises OwnerError."""
        _reach(owned)
        with ExitStack() as held:
            with suppress(OwnerGoneError):  # then our text is not used either
                held.enter_context(alone(owned.sources[0], owned.patience))
            for file in owned.files:
                files.take(file)

    def recreate(self, owned: Owned) -> None:
        """Have the owner re-create the container. Raises OwnerError."""
        _reach(owned)
        with alone(owned.sources[0], owned.patience) as lock:
            self._of(owned).recreate(owned, lock)

    def last_words(self, owned: Owned) -> str:
        """See `core.relaunch.owner.Owners`."""
        with suppress(OwnerError):
            _reach(owned)
            return self._of(owned).last_words(owned)
        return ""

    def _of(self, owned: Owned) -> Compose | Systemd:
        match owned.kind:
            case OwnerKind.COMPOSE:
                return self._compose
            case OwnerKind.SYSTEMD:
                return self._systemd


def _reach(owned: Owned) -> None:
    """Check before any change. Raises OwnerError, with the command that allows it, if this Flatpak has no access."""
    why = barred(owned.kind) or unreachable(owned.kind, *owned.sources)
    if why is not None:
        raise OwnerError(why.text, str(dict(why.instead.args).get("command", "")))

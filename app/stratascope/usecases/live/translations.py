"""Engine JSON to containers, once per answer: the reader needs the PID, the assembler everything else."""

from __future__ import annotations

from collections.abc import Mapping

from stratascope.bounded_cache import alike
from stratascope.core.container import Container, Engine, EngineKind, Status
from stratascope.core.ports import RawContainer, Translator
from stratascope.value import replace


class Translations:
    """Caches the last translation of each container. A damaged answer becomes a container with an error."""

    def __init__(self, translators: Mapping[EngineKind, Translator]) -> None:
        self._translators = translators
        self._last: dict[tuple[str, str], tuple[RawContainer, Engine, Container]] = {}

    def container(self, raw: RawContainer, engine: Engine) -> Container:
        """The container that `raw` describes; the same object as before if nothing changed."""
        last = self._last.get((raw.engine, raw.id))
        if last is not None and last[0] == raw and last[1] == engine:
            return last[2]
        try:
            container = self._translators[engine.kind](raw, engine)
        except ValueError as error:
            container = Container(
                engine=raw.engine,
                id=raw.id,
                name=raw.id[:12],
                image="",
                status=Status.UNKNOWN,
                pid=None,
                created=0.0,
                started=0.0,
                error=str(error),
            )
        container = replace(container, asked=alike(container.asked))
        self._last[raw.engine, raw.id] = (raw, engine, container)
        return container

    def forget(self, keys: set[tuple[str, str]]) -> None:
        """Keep only these containers."""
        for key in self._last.keys() - keys:
            self._last.pop(key, None)  # another thread may have removed it meanwhile

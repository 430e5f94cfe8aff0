"""What tells engines apart where a container's name stands alone: their kind, whether they run as root, and a suffix
where that is not enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stratascope.core.container import ENGINES, Engine, EngineKind
from stratascope.core.message import Message, bracketed, comma, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.value import Value

_LONGEST = 60
_NAMES = {EngineKind.DOCKER: "Docker", EngineKind.PODMAN: "Podman"}


class EngineSign(Value):
    """What an engine's icon shows. `kind` None: not known, as of what was recorded elsewhere."""

    kind: EngineKind | None
    rootless: bool = False


def sign_of(engine: str, engines: Iterable[Engine] = ()) -> EngineSign:
    """Return the sign of the engine of that id; of one that is not among `engines`, as its id says."""
    known = next((each for each in engines if each.id == engine), None)
    if known is not None:
        return EngineSign(known.kind, known.rootless)
    if engine.rpartition(":")[2] == EngineKind.SANDBOXES:
        return EngineSign(EngineKind.SANDBOXES)
    name = engine.rpartition(":")[2].casefold()  # of several captures: CAPTURE:ENGINE
    kind = next((kind for kind in ENGINES if kind in name), None)
    return EngineSign(kind, "rootless" in name)


def sign_word(sign: EngineSign) -> str:
    """Return a sign in words: `Docker, rootless`."""
    if sign.kind is EngineKind.SANDBOXES:
        return translate(msg("Sandbox of this machine"))
    if sign.kind is None:
        return translate(msg("Engine"))
    words: Message = (
        msg("{engine}, rootless", engine=_NAMES[sign.kind])
        if sign.rootless
        else msg("{engine}, rootful", engine=_NAMES[sign.kind])
    )
    return translate(words)


def engine_title(engine: str, engines: Iterable[Engine] = ()) -> str:
    """Return the engine's sign in words with its id, and the machine if it is another one."""
    every = tuple(engines)
    sign = sign_of(engine, every)
    word, name = sign_word(sign), plain(engine, _LONGEST)
    if sign.kind is EngineKind.SANDBOXES:
        return word
    known = next((each for each in every if each.id == engine), None)
    if known is not None and not known.local:
        where = plain(known.endpoint, 200)
        return translate(bracketed(word, comma(name, where)))
    return translate(bracketed(word, name))


def suffixes(states: Sequence[ContainerState], engines: Iterable[Engine] = ()) -> Mapping[tuple[str, str], str]:
    """Return the engine's id for the containers whose name occurs at another engine with the same sign, by their key:
    their icons are the same.
    """
    every = tuple(engines)
    if len({state.container.engine for state in states}) < 2:
        return {}
    signs = {engine: sign_of(engine, every) for engine in {state.container.engine for state in states}}
    if len(set(signs.values())) == len(signs):
        return {}
    where: dict[tuple[str, EngineSign], set[str]] = {}
    for state in states:
        where.setdefault((state.container.name, signs[state.container.engine]), set()).add(state.container.engine)
    return {
        state.key: plain(state.container.engine, _LONGEST)
        for state in states
        if len(where[state.container.name, signs[state.container.engine]]) > 1
    }


def told_apart(name: str, suffix: str) -> str:
    """Return a name with its suffix, if it has one."""
    return translate(bracketed(name, suffix)) if suffix else name

"""Completions for the word of a filter being typed: keys, and values that the present containers have. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from stratascope.core.container import Container
from stratascope.core.snapshot import ContainerState
from stratascope.core.text import common_start, natural
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.capability import NAMES
from stratascope.usecases.listing.alike import PROJECT, label
from stratascope.usecases.listing.filter import Key, Query, Term, answer, parse, short_name
from stratascope.value import Value

MOST = 100  # completions
_LAST = re.compile(r'(?:[^\s"]|"[^"]*"?)*$').search
_BARE = re.compile(r'[^\s":]+').fullmatch


class Completion(Value):
    """Candidates (`words`) that replace the text from `start` on; `common` is their common beginning."""

    start: int
    words: tuple[str, ...] = ()

    @property
    def common(self) -> str:
        return common_start(self.words)


def complete(text: str, states: Sequence[ContainerState], after: str = "") -> Completion:
    """`text` is before the cursor, `after` behind it; no completions if no word has begun.

    Values come from the containers that the other words match, or from all if those match none.
    """
    found = _LAST(text)
    word = found.group() if found is not None else ""
    start = len(text) - len(word)
    if not word:
        return Completion(start)
    states = _left(f"{text[:start]} {after.partition(' ')[2]}", states)
    name, colon, begun = word.partition(":")
    if not colon:
        small = word.casefold().removeprefix('"')
        keys = [f"{key}:" for key in Key if f"{key}:".startswith(word.casefold())]
        names = _beginning(small, (state.container.name for state in states))
        return Completion(start, (*keys, *map(_quoted, names))[:MOST])
    if name.casefold() not in set(Key):
        return Completion(start)
    key = Key(name.casefold())
    values = _beginning(begun.casefold().replace('"', ""), _values(key, states))
    return Completion(start, tuple(f"{key}:{_value(value)}" for value in values))


def _left(others: str, states: Sequence[ContainerState]) -> Sequence[ContainerState]:
    """The containers that the other words match."""
    query = parse(others)
    if query.empty:
        return states
    return [state for state in states if answer(query, state).found] or states


def _beginning(begun: str, values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value and value.casefold().startswith(begun)}, key=natural)[:MOST]


def _quoted(name: str) -> str:
    return name if _BARE(name) else _in_quotes(name)


def _value(value: str) -> str:
    return _in_quotes(value) if any(letter.isspace() for letter in value) else value.replace('"', "")


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', "") + '"'


def _values(key: Key, states: Sequence[ContainerState]) -> Iterable[str]:
    if key is Key.CAP:
        held = 0
        for state in states:
            held |= _held(state)
        return [short_name(number) for number in range(len(NAMES)) if held >> number & 1 or not held]
    return (value for state in states for value in _of(key, state.container, state))


def _of(key: Key, container: Container, state: ContainerState) -> Iterable[str]:
    match key:
        case Key.USER:
            facts = next((layer.facts for layer in state.layers if isinstance(layer.facts, UsermapFacts)), None)
            users = [] if facts is None else [facts.uid_inside]
            users += [process.user for process in state.processes]
            numbers = ["root" if user == 0 else str(user) for user in users if user is not None]
            asked = container.asked.user.partition(":")[0]
            return [
                user for user in (*numbers, asked) if user and answer(Query((Term(key, user.casefold()),)), state).found
            ]
        case Key.PROJECT:
            return (label(container, PROJECT),)
        case Key.PORT:
            ports = container.asked.ports
            inside = (*(port.container_port for port in ports), *container.exposed)
            return (*(port.host_port for port in ports), *(port.partition("/")[0] for port in inside))
        case Key.IMAGE:
            return (container.image,)
        case Key.LABEL:
            return (*(name for name, _ in container.labels), *(f"{name}={value}" for name, value in container.labels))
        case Key.ENGINE:
            return (container.engine,)
    return (container.name,)


def _held(state: ContainerState) -> int:
    facts = next((layer.facts for layer in state.layers if isinstance(layer.facts, CapabilityFacts)), None)
    held = 0 if facts is None or facts.effective is None else facts.effective.bits
    for process in state.processes:
        held |= process.effective or 0
    return held

"""Suggestions for the word of a filter being typed: values of the present containers, with how many match. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from stratascope.core.container import Container
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.text import natural
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.capability import NAMES
from stratascope.usecases.listing.alike import PROJECT, label
from stratascope.usecases.listing.filter import ADDED, Key, answer, mounted, parse, seccomp_profile, short_name
from stratascope.value import Value, replace

MOST = len(Key)  # suggestions
_ALL = 60  # values of a key that is whole, in a list that scrolls
_OF_KEY, _OF_VALUE, _OF_NAME = 5, 2, 4  # of a key that was begun, of another key's values, of names
_LAST = re.compile(r'(?:[^\s"]|"[^"]*"?)*$').search
_BARE = re.compile(r'[^\s":<>]+').fullmatch
_LIMITS = (">7", ">4", ">2", "<2")  # what is critical, serious, medium and low begins there
_ROOT = "root"
_VALUES = (
    Key.USER,
    Key.IMAGE,
    Key.PROJECT,
    Key.ENGINE,
    Key.CAP,
    Key.SECCOMP,
    Key.MOUNT,
)  # by whose values a plain word may go on


class Suggestion(Value):
    """A whole word in place of the one that was begun. `count`: how many match then; None: a key alone."""

    word: str
    what: Message
    count: int | None = None


class Suggestions(Value):
    """`start`: where the word begins. `nothing`: no container matches what was typed, and the rows are keys."""

    start: int
    rows: tuple[Suggestion, ...] = ()
    nothing: bool = False


class Suggester:
    """Suggests. What a container has is kept per reading: with 250 of them getting it takes longer than a key press."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Key, tuple[str, str]], tuple[ContainerState, tuple[str, ...]]] = {}

    def suggest(self, text: str, states: Sequence[ContainerState], others: str = "") -> Suggestions:
        """`text` is before the cursor, `others` the other words of the filter. Nothing is suggested before a word
        begins.

        Values come from the containers that the other words match, or from all if those match none.
        """
        if len(self._kept) > len(Key) * (len(states) + 64):  # mostly containers long gone
            self._kept.clear()
        found = _LAST(text)
        word = found.group() if found is not None else ""
        start = len(text) - len(word)
        if not word:
            return Suggestions(start)
        states = _left(f"{others} {text[:start]}", states)
        most = _ALL if ":" in word else MOST
        rows = [each for each in self._rows(word.casefold(), states) if each.count][:most]
        if rows or any(answer(parse(word), state).found is not False for state in states):
            return Suggestions(start, tuple(rows))
        return replace(keys(), start=start)

    def _rows(self, word: str, states: Sequence[ContainerState]) -> Iterator[Suggestion]:
        name, colon, begun = word.partition(":")
        if word[0] in "<>":
            words = dict.fromkeys((*((word,) if parse(word).terms else ()), *_LIMITS))
            yield from (_counted(each, msg("exposure"), states) for each in words if each.startswith(word[0]))
        elif colon:
            key = next((key for key in Key if key == name), None)
            if key is not None:
                yield from self._of_key(key, begun.replace('"', ""), states, _ALL)
        else:
            small = word.removeprefix('"')
            begins = [key for key in Key if key.startswith(small) and key is not Key.NAME]
            for key in begins:
                yield from self._of_key(key, "", states, _OF_KEY)
            yield from _names(small, states)
            for key in _VALUES:
                if key not in begins:
                    yield from self._of_key(key, small, states, _OF_VALUE)

    def _of_key(self, key: Key, begun: str, states: Sequence[ContainerState], most: int) -> Iterator[Suggestion]:
        """The values that begin so, the most frequent first."""
        if key is Key.CAP:
            begun = begun.removeprefix("cap_")
        counts = Counter(chain.from_iterable(self._values(key, state) for state in states))
        fitting = [value for value in counts if value.casefold().startswith(begun)]
        fitting.sort(key=lambda value: (-counts[value], natural(value)))
        for value in fitting[:most]:
            word, what = f"{key}:{_value(value)}", _said(key, value)
            exact = key is Key.CAP or (key is Key.USER and (value == _ROOT or value.isdecimal()))
            yield Suggestion(word, what, counts[value]) if exact else _counted(word, what, states)

    def _values(self, key: Key, state: ContainerState) -> tuple[str, ...]:
        kept = self._kept.get((key, state.key))
        if kept is None or kept[0] is not state:
            values = tuple({value for value in _of(key, state.container, state) if value})
            kept = self._kept[key, state.key] = state, values
        return kept[1]


def keys() -> Suggestions:
    """What a word may begin with."""
    return Suggestions(0, tuple(Suggestion(f"{key}:", _WORDS[key]) for key in Key), nothing=True)


def _names(begun: str, states: Sequence[ContainerState]) -> Iterator[Suggestion]:
    """Names with it, the ones that begin so first."""
    every = [state.container.name for state in states]
    found = {name for name in every if begun in name.casefold()}
    ordered = sorted(found, key=lambda name: (not name.casefold().startswith(begun), natural(name)))
    for name in ordered[:_OF_NAME]:
        count = sum(name.casefold() in other.casefold() for other in every)
        yield Suggestion(_quoted(name), _WORDS[Key.NAME], count)


def _counted(word: str, what: Message, states: Sequence[ContainerState]) -> Suggestion:
    query = parse(word)
    return Suggestion(word, what, sum(answer(query, state).found is True for state in states))


_WORDS: dict[Key, Message] = {
    Key.NAME: msg("name"),
    Key.CAP: msg("capability held"),
    Key.USER: msg("runs as"),
    Key.PROJECT: msg("project"),
    Key.PORT: msg("port"),
    Key.MOUNT: msg("mounted"),
    Key.SECCOMP: msg("seccomp profile"),
    Key.IMAGE: msg("image"),
    Key.LABEL: msg("label"),
    Key.ENGINE: msg("engine"),
}


def _said(key: Key, value: str) -> Message:
    if key is Key.CAP and value == ADDED:
        return msg("more than the engine's default")
    if key is Key.USER:
        if value == _ROOT:
            return msg("root inside")
        return msg("non-root") if value.isdecimal() else msg("as asked")
    return _WORDS[key]


def _left(others: str, states: Sequence[ContainerState]) -> Sequence[ContainerState]:
    """The containers that the other words match."""
    query = parse(others)
    if query.empty:
        return states
    return [state for state in states if answer(query, state).found] or states


def _quoted(name: str) -> str:
    return name if _BARE(name) else _in_quotes(name)


def _value(value: str) -> str:
    return _in_quotes(value) if any(letter.isspace() for letter in value) else value.replace('"', "")


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', "") + '"'


def _of(key: Key, container: Container, state: ContainerState) -> Iterable[str]:
    match key:
        case Key.CAP:
            held = _held(state)
            facts = state.facts_of(CapabilityFacts)
            more = (ADDED,) if facts is not None and held & ~facts.default.bits else ()
            return (*more, *(short_name(number) for number in range(len(NAMES)) if held >> number & 1))
        case Key.USER:
            users_of = state.facts_of(UsermapFacts)
            first = None if users_of is None else users_of.uid_inside
            users = {first, *(process.user for process in state.processes)} - {None}
            numbers = [_ROOT if user == 0 else str(user) for user in users]
            asked = container.asked.user.partition(":")[0]
            return numbers if not asked or (asked.isdecimal() and first is not None) else (*numbers, asked)
        case Key.PROJECT:
            return (label(container, PROJECT),)
        case Key.PORT:
            ports = container.asked.ports
            inside = (*(port.container_port for port in ports), *container.exposed)
            return (*(port.host_port for port in ports), *(port.partition("/")[0] for port in inside))
        case Key.MOUNT:
            return (mounted(mount) for mount in container.asked.mounts)
        case Key.SECCOMP:
            return (seccomp_profile(state) or "",)
        case Key.IMAGE:
            return (container.image.partition("@")[0].rsplit("/", 1)[-1],)
        case Key.LABEL:
            return (*(name for name, _ in container.labels), *(f"{name}={value}" for name, value in container.labels))
        case Key.ENGINE:
            return (container.engine,)
    return (container.name,)


def _held(state: ContainerState) -> int:
    facts = state.facts_of(CapabilityFacts)
    held = 0 if facts is None or facts.effective is None else facts.effective.bits
    for process in state.processes:
        held |= process.effective or 0
    return held

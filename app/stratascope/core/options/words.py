"""Options as words of a run command: taken apart as pflag does it, and written for those who compare and show them.

What is written here is not run: `formats/run/write.py` writes a command that can be. It is the same in every language
and bounded, as the history keeps it. Values of the environment are not among it. Docker's words, which Podman shares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stratascope.core.container import Asked, AskedMount, EngineKind, ProfileKind
from stratascope.core.message import Message
from stratascope.core.options.rules import profile_text
from stratascope.core.options.table import NAMED, OPTIONS, Option, lettered, named
from stratascope.core.options.values import CAPABILITY, FLAG
from stratascope.value import Value

FLAGS_MOST = 300  # of one container
LENGTH_MOST = 400  # characters of one
_MEASURES = {"memory": "memory", "pids-limit": "pids", "cpus": "cpu"}
_OF_SECURITY = {"seccomp": "seccomp", "no-new-privileges": "seccomp", "apparmor": "mac", "label": "mac",
                "systempaths": "namespaces"}  # fmt: skip
_VOLUME = "-v"


class Typed(NamedTuple):
    """One option among words, from word `at` to before word `end`.

    `option`: None where the engine has none of that name, then `name` is what was typed. `value`: None where it was
    named without one. `alone`: whether it shares its words with no other. `lacks`: whether its value is missing.
    """

    option: Option | None
    name: str
    value: str | None
    at: int
    end: int
    alone: bool = True
    lacks: bool = False


def taken_apart(words: Sequence[str], kind: EngineKind, *, accepted: bool = False) -> tuple[list[Typed], int]:
    """The options in front, and where they end: at the image. `accepted`: the engine has taken these words, so that an
    option that is not known here is one of a newer version; nearly all of those take a value.
    """
    found: list[Typed] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            at += 1
            break
        if not word.startswith("-") or word == "-":
            break
        found += _long(words, at, kind, accepted) if word.startswith("--") else _short(words, at, kind, accepted)
        at = found[-1].end
    return found, at


def _long(words: Sequence[str], at: int, kind: EngineKind, accepted: bool) -> Iterator[Typed]:
    name, equals, value = words[at][2:].partition("=")
    option = named(name, kind)
    if equals or (option is None and not accepted) or (option is not None and option.form is FLAG):
        yield Typed(option, f"--{name}" if option is None else option.name, value if equals else None, at, at + 1)
    else:
        yield _with_next(option, f"--{name}", words, at)


def _short(words: Sequence[str], at: int, kind: EngineKind, accepted: bool) -> Iterator[Typed]:
    """Letters in one word: the first that takes a value has all the rest of it."""
    letters = words[at][1:]
    for position, letter in enumerate(letters):
        option, rest, alone = lettered(letter, kind), letters[position + 1 :], position == 0
        if option is None and not accepted:
            yield Typed(None, f"-{letter}", None, at, at + 1)
            return
        if option is not None and option.form is FLAG and not rest.startswith("="):
            yield Typed(option, option.name, None, at, at + 1, len(letters) == 1)
            continue
        if rest:
            name = f"-{letter}" if option is None else option.name
            flag = option is not None and option.form is FLAG
            yield Typed(option, name, rest.removeprefix("="), at, at + 1, alone and not flag)
        else:
            yield _with_next(option, f"-{letter}", words, at, alone=alone)
        return


def _with_next(option: Option | None, typed: str, words: Sequence[str], at: int, *, alone: bool = True) -> Typed:
    name = typed if option is None else option.name
    if at + 1 >= len(words):
        return Typed(option, name, None, at, at + 1, alone, lacks=True)
    return Typed(option, name, words[at + 1], at, at + 2, alone)


def flags(asked: Asked) -> tuple[str, ...]:
    """What was asked for, in the order of a command; bounded."""
    found = dict.fromkeys(each[:LENGTH_MOST] for each in _flags(asked))
    return tuple(found)[:FLAGS_MOST]


def layer_of(flag: str) -> str:
    """The layer that the option belongs to, by its id; empty where it is of several, or of none."""
    name, value = _parts(flag)
    if name == "security-opt":
        return _OF_SECURITY.get(value.partition("=")[0], "")
    return NAMED[name].layer if name in NAMED else ""


def measure_of(flag: str) -> str:
    """What of the container's use the option limits, as `entry.Limits` names it; empty where it is no such limit."""
    return _MEASURES.get(_parts(flag)[0], "")


def _parts(flag: str) -> tuple[str, str]:
    name, _, value = flag.partition(" ")
    return "volume" if name == _VOLUME else name.removeprefix("--"), value


def _flags(asked: Asked) -> Iterator[str]:
    for option in OPTIONS:
        value: Any = getattr(asked, option.field, None)
        if option.name == "security-opt":
            yield from _security(asked)
        elif option.name == "volume":
            yield from map(_mount, asked.mounts)
        elif option.form is FLAG and value:
            yield f"--{option.name}"
        elif option.layer and option.said(value):
            values = value if option.many else (value,)
            typed = [option.form.typed(each) for each in values]
            yield from (f"--{option.name} {each}" for each in (sorted(typed) if option.form is CAPABILITY else typed))


def _security(asked: Asked) -> Iterator[str]:
    if asked.no_new_privileges:
        yield "--security-opt no-new-privileges"
    if asked.masked_paths == ():
        yield "--security-opt systempaths=unconfined"
    for name, kind, profile in (
        ("seccomp", asked.seccomp, asked.seccomp_profile),
        ("apparmor", asked.apparmor, asked.apparmor_profile),
    ):
        if kind in (ProfileKind.UNCONFINED, ProfileKind.CUSTOM):
            yield f"--security-opt {name}={_told_apart(profile_text(kind, profile))}"
    yield from (f"--security-opt label={each}" for each in asked.selinux_options)


def _told_apart(text: str) -> str:
    """A profile's name or path; of one that is there as its whole text (Docker's seccomp), what identifies it."""
    if not text.lstrip().startswith("{"):
        return text or "custom"
    return f"sha256:{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:12]}"


def _mount(mount: AskedMount) -> str:
    mode = "" if mount.writable else ":ro"
    if mount.kind == "tmpfs":
        return f"--tmpfs {mount.target}{mode}"
    return f"{_VOLUME} {mount.volume or mount.source}:{mount.target}{mode}"


# -- what a text asks for, whatever its language: containers to be, each a list of options of `run` with their lines
#
# Every language is read into the options of `docker run` and `podman run`, so that what an option means is said once
# (`meaning.py`). Decided against a model of each language: they have no settings of a container that `run` has not.


class Position(Value):
    """A line of a file, counted from 1; 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class GivenOption(Value):
    """An option by its long name in `run`, without dashes; `value` None: named without one.

    `span`: where a run command has it, from and to in the text; None where it shares a word with others.
    """

    name: str
    value: str | None
    place: Position
    span: tuple[int, int] | None = None


class Problem(Value):
    """What could not be read, or has no effect that is known.

    `fatal`: without it nothing can be said at all. `unread`: what is asked for there is not known, so that more may be
    open than is said.
    """

    place: Position
    text: Message
    fatal: bool = False
    unread: bool = False


class Service(Value):
    """One container to be. `said` is in the order in which it is asked for: the last word counts.

    `options_end`: where in a run command further options may be put; `folder`: what relative paths of places are below;
    `files`: path and text of the profiles that it names; `words`: of its command and of its environment.
    """

    UNPRINTED = ("words", "files")

    name: str
    place: Position
    image: str
    said: tuple[GivenOption, ...] = ()
    kind: EngineKind | None = None  # the engine that the text is for; None: any
    words: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    pod: str = ""
    options_end: int | None = None
    folder: str = ""
    files: tuple[tuple[str, str], ...] = ()

"""Options as words of a run command: parsed as pflag does, and written to be compared and shown; and what a file
requests.

The words written here are not for running: `formats/run/write.py` writes commands that are. They are bounded, the same
in every language, without values of the environment, and kept in the history. Docker's spelling, which Podman shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from stratascope.core.container import Asked, AskedMount, EngineKind, ProfileKind
from stratascope.core.message import Message
from stratascope.core.options.rules import profile_text
from stratascope.core.options.table import NAMED, OPTIONS, Option, lettered, named
from stratascope.core.options.values import CAPABILITY, FLAG
from stratascope.value import Value

FLAGS_MOST = 300  # per container
LENGTH_MOST = 400  # characters per flag
_MEASURES = {"memory": "memory", "pids-limit": "pids", "cpus": "cpu"}
_OF_SECURITY = {"seccomp": "seccomp", "no-new-privileges": "seccomp", "apparmor": "mac", "label": "mac",
                "systempaths": "namespaces"}  # fmt: skip
_VOLUME = "-v"
_LETTERS_MOST = 100  # flags in one word; there are some dozens


class Typed(NamedTuple):
    """One option in a command, from word `at` to before word `end`.

    `option`: None if the engine has no option of that name; `name` is then as typed. `value`: None if none was given.
    `alone`: whether no other option shares its words. `lacks`: whether a required value is missing.
    """

    option: Option | None
    name: str
    value: str | None
    at: int
    end: int
    alone: bool = True
    lacks: bool = False


def taken_apart(words: Sequence[str], kind: EngineKind, *, accepted: bool = False) -> tuple[list[Typed], int]:
    """Parse the options in front of the image; returns them and the index of the image. `accepted`: the engine has
    accepted this command, so an unknown option is one of a newer version, and nearly all of those take a value.
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
    """Parse the letters of one word: the first that takes a value gets the rest of the word."""
    letters = words[at][1:]
    for position, letter in enumerate(letters):
        if position == _LETTERS_MOST:
            yield Typed(None, words[at][:LENGTH_MOST], None, at, at + 1)
            return
        option, alone = lettered(letter, kind), position == 0
        if option is None and not accepted:
            yield Typed(None, f"-{letter}", None, at, at + 1)
            return
        if option is not None and option.form is FLAG and letters[position + 1 : position + 2] != "=":
            yield Typed(option, option.name, None, at, at + 1, len(letters) == 1)
            continue
        rest = letters[position + 1 :]
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
    """The requested options, in the order of a command; bounded."""
    found = dict.fromkeys(each[:LENGTH_MOST] for each in _flags(asked))
    return tuple(found)[:FLAGS_MOST]


def layer_of(flag: str) -> str:
    """Id of the layer that the option belongs to; empty if several or none."""
    name, value = _parts(flag)
    if name == "security-opt":
        return _OF_SECURITY.get(value.partition("=")[0], "")
    return NAMED[name].layer if name in NAMED else ""


def measure_of(flag: str) -> str:
    """The resource that the option limits, as named in `entry.Limits`; empty if it is not such a limit."""
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
            yield f"--security-opt {name}={_profile_identity(profile_text(kind, profile))}"
    yield from (f"--security-opt label={each}" for each in asked.selinux_options)


def _profile_identity(text: str) -> str:
    """A profile's name or path, or a hash of a profile given as its whole text (Docker's seccomp)."""
    if not text.lstrip().startswith("{"):
        return text or "custom"
    import hashlib  # it loads OpenSSL, and few profiles are given as text

    return f"sha256:{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:12]}"


def _mount(mount: AskedMount) -> str:
    mode = "" if mount.writable else ":ro"
    if mount.kind == "tmpfs":
        return f"--tmpfs {mount.target}{mode}"
    return f"{_VOLUME} {mount.volume or mount.source}:{mount.target}{mode}"


# -- what a file requests, whatever its format: containers to create, each a list of options of `run` with their lines

# Every format is read into the options of `docker run` and `podman run`, so that the effect of an option is defined
# once (`meaning.py`). Decided against a model of each format: they have no container settings that `run` lacks.


class Position(Value):
    """A line of a file, counted from 1; 0: the whole file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class GivenOption(Value):
    """An option by its long name in `run`, without dashes; `value` None: given without a value.

    `span`: its start and end in the text of a run command; None if it shares a word with others.
    """

    name: str
    value: str | None
    place: Position
    span: tuple[int, int] | None = None


class Problem(Value):
    """Something that could not be parsed, or whose effect is not known.

    `fatal`: nothing can be predicted at all. `unread`: what it requests is not known, so more may be open than
    predicted. `added`: nothing is wrong, a tool adds this to what the file asks for.
    """

    place: Position
    text: Message
    fatal: bool = False
    unread: bool = False
    added: bool = False


class Service(Value):
    """One container that a file describes. `said`: its options in order, since the last one counts.

    `options_end`: where options can be inserted in a run command; `folder`: the base of relative paths;
    `files`: path and text of the profiles it names; `words`: those of its command and environment. `image_adds`: what
    its image says of itself as a dev container counts, too.
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
    image_adds: bool = False

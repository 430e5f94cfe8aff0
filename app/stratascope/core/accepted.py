"""Findings that were reviewed and accepted, each with a reason, an owner and an expiry date.

An exception changes how reports count and fold findings. It never touches exposure and threats, which are what the
kernel enforces. An expired one has no effect, and the report says that it expired.

They are written in a TOML file, which people keep in a repository with comments of their own:

    [[accepted]]
    finding = "capabilities.sys-admin"
    container = "backup-*"
    reason = "mounts snapshots; moves to a helper of its own in spring"
    owner = "anna@example.org"
    until = 2027-03-31

Decided against YAML (the parser guesses what an unquoted date or `no` is) and JSON (no comments). tomllib does not
report line numbers of parsed values, so the heads of entries are counted here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

from stratascope.core.container import Container
from stratascope.core.message import Message, MessageError, colon, msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value

ANY = "*"
_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")


class Accepted(Value):
    """One exception. `finding`: a finding's code, or `threat.ID`; `until`: the last day on which it holds.

    `container` (its name), `engine` (its id, `docker`), `image` and `group` (its Compose project or pod) are shell
    patterns, all of which must match. `line` in the file that it is from; 0: not known.
    """

    finding: str
    reason: str
    owner: str
    until: date
    container: str = ANY
    engine: str = ANY
    image: str = ANY
    group: str = ANY
    line: int = 0

    def covers(self, container: Container) -> bool:
        """Whether it applies to this container."""
        return (
            fnmatchcase(container.name, self.container)
            and fnmatchcase(container.engine, self.engine)
            and fnmatchcase(container.image, self.image)
            and (self.group == ANY or any(fnmatchcase(name, self.group) for name in groups(container)))
        )


class Standing(Value):
    """What an exception does for one finding of one container."""

    entry: Accepted
    expired: bool


def in_force(standing: Standing | None) -> bool:
    """Whether the finding is accepted today; False if it never was, or no longer is."""
    return standing is not None and not standing.expired


class Acceptance(Value):
    """A list of exceptions, applied on a given day."""

    entries: tuple[Accepted, ...]
    today: date

    def of(self, finding: str, container: Container) -> Standing | None:
        """The exception that accepts it today, else one that has expired; None: never accepted."""
        found = [each for each in self.entries if each.finding == finding and each.covers(container)]
        if not found:
            return None
        longest = max(found, key=lambda each: each.until)
        return Standing(longest, expired=longest.until < self.today)

    def unused(self, states: Iterable[ContainerState]) -> tuple[Accepted, ...]:
        """Exceptions that match no current finding: mistyped, or fixed since."""
        left = dict.fromkeys(self.entries)
        for state in states:
            codes = set(codes_of(state))
            for entry in [each for each in left if each.finding in codes and each.covers(state.container)]:
                del left[entry]
        return tuple(left)


class AcceptedError(MessageError):
    """A list of exceptions that can't be used; `message` says where, and what to do."""


def groups(container: Container) -> tuple[str, ...]:
    """Names of its Compose project and its pod."""
    labels = dict(container.labels)
    named = (*(labels.get(label, "") for label in _PROJECT), container.pod_name, container.pod)
    return tuple(name for name in named if name)


def threat_code(threat: str) -> str:
    """The code by which an exception names an open threat."""
    return f"threat.{threat}"


def codes_of(state: ContainerState) -> Iterator[str]:
    """All codes by which exceptions can name what was found in a container."""
    yield from (finding.code for finding in state.findings)
    if state.matrix is not None:
        yield from (threat_code(each.threat.id) for each in state.matrix.threats if each.outcome is Outcome.OPEN)


def exception(finding: str, container: Container, reason: str, owner: str, until: date) -> Accepted:
    """An exception for exactly this finding of this container, with its name escaped."""
    return Accepted(finding, reason, owner, until, container=escape(container.name), engine=escape(container.engine))


MOST = 1000  # entries of one list
MOST_BYTES = 1 << 20  # of the file
_LONGEST = 1000  # characters of one text
_NEEDED = ("finding", "reason", "owner")
_WHERE = ("container", "engine", "image", "group")
_KEYS = (*_NEEDED, "until", *_WHERE)
_HEAD = re.compile(r"[ \t]*\[\[[ \t]*(?:accepted|\"accepted\"|'accepted')[ \t]*\]\]").match
_TABLE = "[[accepted]]"


def read_toml(text: str, name: str) -> tuple[Accepted, ...]:
    """The exceptions in a file's text. Raises AcceptedError that names `name`, the line, and what to do."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise AcceptedError(msg("{file} is not TOML: {why}", file=name, why=str(error))) from error
    tables = document.pop("accepted", [])
    if document:
        raise AcceptedError(msg("{file}: {key} is not allowed here. Exceptions begin with {table}.", file=name,
                                key=next(iter(document)), table=_TABLE))  # fmt: skip
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise AcceptedError(msg("{file}: begin each exception with {table}.", file=name, table=_TABLE))
    if len(tables) > MOST:
        raise AcceptedError(msg("{file} has {count} exceptions; at most {most} are read.", file=name,
                                count=len(tables), most=MOST))  # fmt: skip
    lines = text.split("\n")
    heads = [number for number, line in enumerate(lines) if _HEAD(line)]
    if len(heads) != len(tables):  # inline tables, or a multi-line string that contains such a head
        return tuple(_entry(table, name, 0, []) for table in tables)
    ends = [*heads[1:], len(lines)]
    parts = zip(tables, heads, ends, strict=False)  # without entries there is still one end
    return tuple(_entry(table, name, head + 1, lines[head:end]) for table, head, end in parts)


def _entry(table: dict[str, Any], name: str, head: int, lines: list[str]) -> Accepted:
    def refused(key: str, why: Message) -> AcceptedError:
        named = re.compile(rf"[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=").match
        at = next((head + place for place, line in enumerate(lines) if named(line)), head)
        if not at:
            return AcceptedError(colon(name, why))
        return AcceptedError(msg("{file}, line {line}: {why}", file=name, line=at, why=why))

    for key in table:
        if key not in _KEYS:
            raise refused(
                key, msg("{key} is not known. An exception can have: {keys}.", key=key, keys=", ".join(_KEYS))
            )
    for key in (*_NEEDED, *(each for each in _WHERE if each in table)):
        value = table.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
            raise refused(key, msg("Give {key} as a string in quotes, of at most {most} characters.", key=key,
                                   most=_LONGEST))  # fmt: skip
    until = table.get("until")
    if not isinstance(until, date) or isinstance(until, datetime):
        raise refused("until", msg("Give the last valid day without quotes, as in until = 2027-03-31."))
    if not any(each in table for each in _WHERE):
        raise refused("finding", msg("Say what it applies to: container, engine, image or group. * stands for any."))
    return Accepted(**{key: table[key] for key in _KEYS if key in table}, line=head)


def toml_text(entries: Iterable[Accepted], comment: str = "") -> str:
    """File text that reads back as these entries."""
    return "\n".join([*(f"# {line}" for line in comment.splitlines()), *_lines(entries)]) + "\n"


def _lines(entries: Iterable[Accepted]) -> Iterator[str]:
    for entry in entries:
        yield ""
        yield _TABLE
        yield f"finding = {_quoted(entry.finding)}"
        places = [key for key in _WHERE if getattr(entry, key) != ANY] or ["container"]
        yield from (f"{key} = {_quoted(getattr(entry, key))}" for key in places)
        yield f"reason = {_quoted(entry.reason)}"
        yield f"owner = {_quoted(entry.owner)}"
        yield f"until = {entry.until.isoformat()}"


def _quoted(text: str) -> str:
    """A basic string: TOML 1.0 allows no control characters but tab, and no surrogates at all."""
    return '"' + "".join(_character(each) for each in text) + '"'


def _character(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if 0xD800 <= code <= 0xDFFF:
        return "\\uFFFD"  # bytes that were not UTF-8; no name or image in an engine has any
    return f"\\u{code:04X}" if code < 0x20 or code == 0x7F else character

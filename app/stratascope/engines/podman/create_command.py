"""The command that made a Podman container (Config.CreateCommand) as its options. Pure.

It only fills gaps that Podman's own answers leave: whether an address was chosen, a secret's variable. Decided against
running it again: it knows nothing of what was changed since, and paths and files in it may mean something else by now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.container import EngineKind
from stratascope.core.options.words import Typed, taken_apart

Options = dict[str, tuple[str, ...]]


def options(command: Sequence[str]) -> Options | None:
    """Values of each option by its long name, in the order typed; None where it is no `podman run` or `create`."""
    start = _start(command)
    if start is None:
        return None
    found: dict[str, list[str]] = {}
    for each in _taken_apart(command, start):
        found.setdefault(each.name.lstrip("-"), []).append(_value(each))
    return {name: tuple(values) for name, values in found.items()}


def without(command: Sequence[str], name: str, drop: Callable[[str], bool]) -> list[str]:
    """The command without the long option of that name where `drop` says so of its value: it no longer holds."""
    start = _start(command)
    gone = [] if start is None else [each for each in _taken_apart(command, start) if each.name == name]
    dropped = {place for each in gone if each.alone and drop(_value(each)) for place in range(each.at, each.end)}
    return [word for place, word in enumerate(command, -(start or 0)) if place not in dropped]


def with_option(command: Sequence[str], name: str, value: str) -> list[str]:
    """The command with one option more; as it was where it is no `podman run` or `create`."""
    start = _start(command)
    return list(command) if start is None else [*command[:start], f"--{name}={value}", *command[start:]]


def _start(command: Sequence[str]) -> int | None:
    """Where the options begin; None where it is no `podman run` or `create`."""
    return next((place + 1 for place, word in enumerate(command) if word in ("run", "create")), None)


def _taken_apart(command: Sequence[str], start: int) -> list[Typed]:
    return taken_apart(command[start:], EngineKind.PODMAN, accepted=True)[0]


def _value(each: Typed) -> str:
    """An option without a value is a flag, unless the command was cut off there."""
    if each.value is None:
        return "" if each.lacks else "true"
    return each.value


def pairs(text: str) -> dict[str, str]:
    """`type=image,source=x,rw` as names and values; a word without a value has an empty one."""
    return {name: value for name, _, value in (part.partition("=") for part in text.split(","))}


def networks(found: Options) -> dict[str, dict[str, str]]:
    """`--network NAME:ip=…,mac=…` by name; options for all (`--ip`, `--mac-address`) count for the first."""
    asked: dict[str, dict[str, str]] = {}
    for text in found.get("network", ()):
        for part in text.split(",") if ":" not in text else (text,):
            name, _, rest = part.partition(":")
            asked[name] = pairs(rest) if rest else {}
    for option, key in (("ip", "ip"), ("ip6", "ip6"), ("mac-address", "mac")):
        for value in found.get(option, ()):
            first = next(iter(asked), "")
            asked.setdefault(first, {})[key] = value
    return asked


def secrets(found: Options) -> list[tuple[str, dict[str, str]]]:
    """`--secret NAME,type=…,target=…`."""
    asked = []
    for text in found.get("secret", ()):
        name, _, rest = text.partition(",")
        asked.append((name, pairs(rest) if rest else {}))
    return asked


def mount_options(found: Options) -> dict[str, tuple[str, ...]]:
    """Options of `-v` and `--mount` by the place in the container, as typed."""
    asked: dict[str, tuple[str, ...]] = {}
    for text in found.get("volume", ()):
        parts = text.split(":")
        if len(parts) > 2:
            asked[parts[1]] = tuple(parts[2].split(","))
    for text in found.get("mount", ()):
        known = pairs(text)
        target = known.get("target") or known.get("destination") or known.get("dst") or ""
        asked[target] = tuple(f"{name}={value}" if value else name for name, value in known.items())
    return asked

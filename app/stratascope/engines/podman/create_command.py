"""The command that made a Podman container (Config.CreateCommand) as its options. Pure.

It only fills gaps that Podman's own answers leave: whether an address was chosen, a secret's variable. Decided against
running it again: it knows nothing of what was changed since, and paths and files in it may mean something else by now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.container import AskedDevice

# podman-run(1): options without a value; every other one takes one
_FLAGS = frozenset(
    [
        "detach",
        "env-host",
        "help",
        "http-proxy",
        "init",
        "interactive",
        "no-healthcheck",
        "no-hostname",
        "no-hosts",
        "oom-kill-disable",
        "passwd",
        "privileged",
        "publish-all",
        "quiet",
        "read-only",
        "read-only-tmpfs",
        "replace",
        "rm",
        "rmi",
        "rootfs",
        "sig-proxy",
        "tls-verify",
        "tty",
        "unsetenv-all",
    ]
)
_LETTERS = {
    "a": "attach",
    "c": "cpu-shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "P": "publish-all",
    "p": "publish",
    "q": "quiet",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
_OTHER_NAMES = {"net": "network", "dns-opt": "dns-option", "security-opts": "security-opt"}

Options = dict[str, tuple[str, ...]]


def options(command: Sequence[str]) -> Options | None:
    """Values of each option by its long name, in the order typed; None where it is no `podman run` or `create`."""
    verbs = [place for place, word in enumerate(command) if word in ("run", "create")]
    if not verbs:
        return None
    found: dict[str, list[str]] = {}
    words = iter(command[verbs[0] + 1 :])
    for word in words:
        if word == "--" or not word.startswith("-") or word == "-":
            break  # the image; what follows is the container's own command
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = _OTHER_NAMES.get(name, name)
            if not equals:
                value = "true" if name in _FLAGS else next(words, "")
            found.setdefault(name, []).append(value)
            continue
        letters = word[1:]
        while letters:
            name, letters = _LETTERS.get(letters[0], letters[0]), letters[1:]
            if name in _FLAGS:
                found.setdefault(name, []).append("true")
                continue
            found.setdefault(name, []).append(letters.removeprefix("=") if letters else next(words, ""))
            break
    return {name: tuple(values) for name, values in found.items()}


def without(command: Sequence[str], name: str, drop: Callable[[str], bool]) -> list[str]:
    """The command without the long option of that name where `drop` says so of its value: it no longer holds."""
    verbs = [place for place, word in enumerate(command) if word in ("run", "create")]
    place = verbs[0] + 1 if verbs else len(command)
    kept = list(command[:place])
    while place < len(command) and command[place].startswith("-") and command[place] not in ("-", "--"):
        word, taken = command[place], 1
        if word.startswith("--"):
            found, equals, value = word[2:].partition("=")
            found = _OTHER_NAMES.get(found, found)
            if not equals and found not in _FLAGS:
                taken, value = 2, next(iter(command[place + 1 : place + 2]), "")
        else:
            found, value, letters = "", "", [_LETTERS.get(letter, letter) for letter in word[1:]]
            valued = next((number for number, each in enumerate(letters) if each not in _FLAGS), None)
            taken = 2 if valued is not None and valued == len(letters) - 1 else 1
        if found != name or not drop(value):
            kept += command[place : place + taken]
        place += taken
    return [*kept, *command[place:]]


def with_option(command: Sequence[str], name: str, value: str) -> list[str]:
    """The command with one option more; as it was where it is no `podman run` or `create`."""
    place = next((place + 1 for place, word in enumerate(command) if word in ("run", "create")), None)
    return list(command) if place is None else [*command[:place], f"--{name}={value}", *command[place:]]


def device_of(word: str) -> AskedDevice:
    """`--device SOURCE[:TARGET][:rwm]`."""
    source, *rest = word.split(":")
    target = rest.pop(0) if rest and rest[0].startswith("/") else source
    return AskedDevice(source, target, rest[0] if rest and rest[0] else "rwm")


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

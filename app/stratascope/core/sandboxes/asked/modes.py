"""Namespaces as an engine is asked for them, by the kinds that a maker makes."""

from __future__ import annotations

from collections.abc import Collection

from stratascope.core.container import Asked
from stratascope.value import replace

KINDS = ("user", "pid", "net", "ipc", "uts", "cgroup")


def with_modes(asked: Asked, own: Collection[str]) -> Asked:
    """The same with a namespace of its own of these kinds, and the maker's for all others."""
    modes = {kind: "private" if kind in own else "host" for kind in KINDS}
    return replace(
        asked,
        pid_mode=modes["pid"],
        ipc_mode=modes["ipc"],
        uts_mode=modes["uts"],
        network_mode=modes["net"],
        cgroupns_mode=modes["cgroup"],
        userns_mode="private" if "user" in own else "",
    )


def options(
    argv: list[str], short: dict[str, str], with_value: Collection[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """A command line of getopt_long(3) that stops at the first word that is no option: options by their long names with
    their values, and what is left. `short`: letters and the long names; `with_value`: long names that take a word.
    """
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(argv):
        word = argv[place]
        place += 1
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and name in with_value and place < len(argv):
                value, place = argv[place], place + 1
            found.append((name, value))
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                name, letters = short.get(letters[0], letters[0]), letters[1:]
                value = ""
                if name in with_value:
                    value, letters = letters, ""
                    if not value and place < len(argv):
                        value, place = argv[place], place + 1
                found.append((name, value))
        else:
            place -= 1
            break
    return found, argv[place:]

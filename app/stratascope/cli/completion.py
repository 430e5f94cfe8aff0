"""`stratascope completion SHELL`: prints a completion script for bash, zsh or fish, and answers its queries.

shtab generates the script from the parser on request, in the user's language: a script shipped as a file could get out
of date. Names of containers, engines and toggles are queried at each Tab by a hidden command that is not in the parser,
so that no help lists it. A person waits for each answer, so an engine that does not answer in time is left out
silently.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_CANDIDATES = {
    "container": "containers",
    "containers": "containers",
    "window_shows": "containers",
    "what": "containers",
    "one": "containers",
    "two": "containers",
    "engine": "engines",
    "set": "toggles",
}
_OR_FILES = ("NAME|ID|FILE", "A", "B")  # where a file may stand, too


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from stratascope.cli.output import write

    text = script(arguments.shell) + "\n"
    write(json.dumps({"shell": arguments.shell, "text": text}) + "\n" if arguments.json else text)
    return 0


def script(shell: str) -> str:
    """The script for this shell, one of `bash`, `zsh`, `fish`."""
    import shtab  # this and the parser are not needed to answer a shell's query

    from stratascope.cli.arguments import parser

    top = parser()
    for action in _actions(top):
        if action.dest in _CANDIDATES and action.choices is None:
            _complete(action, _asked(_CANDIDATES[action.dest], files=action.metavar in _OR_FILES))
        elif action.type is Path:
            _complete(action, shtab.FILE)
    made: str = shtab.complete(top, shell=shell)
    # shtab 1.13 makes zsh complete only the first of a list of positional arguments
    return made.replace('  "(*)::', '  "*:') if shell == "zsh" else made


def _asked(kind: str, *, files: bool) -> dict[str, str | dict[str, str]]:
    """How each shell queries candidates of this kind at each Tab; shtab.cmd would query zsh's only once, at loading.

    `files`: a file's name may stand there, too.
    """
    ask, name = f"stratascope {WORD} {kind} 2>/dev/null", f"_stratascope_{kind}{'_or_files' * files}"
    return {
        "bash": name,
        "zsh": name,
        "fish": f"({ask}{'; __fish_complete_path (commandline -ct)' * files})",
        "preamble": {
            "bash": f'{name}() {{ compgen -W "$({ask})"{" -f" * files} -- "$1"; }}',
            "zsh": f'{name}() {{ compadd -- ${{(f)"$({ask})"}}{"; _files" * files}; }}',
        },
    }


def _complete(action: argparse.Action, how: object) -> None:
    setattr(action, "complete", how)  # noqa: B010 - shtab looks for it there


def _actions(top: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All actions of this parser and its subparsers, whose descriptions are shortened to a menu's one line each."""
    for action in top._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                action.choices[listed.dest].description = listed.help
            for command in action.choices.values():
                yield from _actions(command)


WORD = "__complete"  # the hidden command
PATIENCE = 3.0  # seconds; listing 20 containers takes 0.2, or 1 on an overloaded machine
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*\Z")  # names that any shell reads as one word without quoting


def print_candidates(words: Sequence[str]) -> int:
    """Print the candidates of this kind."""
    kinds = {"containers": _containers_here, "engines": _engines_here, "toggles": _toggles_here}
    found = kinds[words[0]]() if len(words) == 1 and words[0] in kinds else []
    sys.stdout.write("".join(f"{name}\n" for name in dict.fromkeys(found)))
    return 0


def _toggles_here() -> list[str]:
    from stratascope.layers.toggles import all_toggles

    found = []
    for each in all_toggles():
        found += [f"{each.id}={word}" for word in each.words]
        if each.placeholder or each.only_gives:
            found.append(f"{each.id}=")
    return found


def _engines_here() -> list[str]:
    from stratascope.wiring.engines import find_engines

    return [port.id for port in find_engines().ports if _PLAIN.match(port.id)]


def _containers_here() -> list[str]:
    from stratascope.wiring.engines import find_engines, translations

    ports = find_engines().ports
    shared = translations()
    found: list[list[str]] = [[] for _ in ports]

    def ask(number: int) -> None:
        with contextlib.suppress(Exception):  # no failure of an engine may show a traceback in the shell
            engine = ports[number].describe()
            found[number] = [shared.container(raw, engine).name for raw in ports[number].list()]

    asking = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(ports))]
    for thread in asking:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in asking:
        thread.join(max(0.0, end - time.monotonic()))
    return sorted(name for names in found for name in names if _PLAIN.match(name))

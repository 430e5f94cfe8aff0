"""`stratascope completion SHELL`: the script by which bash, zsh or fish completes our words, and what it asks for.

shtab makes it from the parser, in the user's language, when it is asked for: a script that is shipped as a file could
lag behind the program. What only this machine knows (names of containers, engines, toggles) is asked at each Tab by a
word that is not in the parser, so that no help lists it. A person waits for each of these: an engine that has not
answered in time is left out, and nothing is ever said about it.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_CANDIDATES = {"container": "containers", "containers": "containers", "engine": "engines", "set": "toggles"}


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from stratascope.cli.output import write

    write(script(arguments.shell) + "\n")
    return 0


def script(shell: str) -> str:
    """The script for this shell, one of `bash`, `zsh`, `fish`."""
    import shtab  # neither is needed where a shell asks for candidates

    from stratascope.cli.arguments import parser

    top = parser()
    for action in _actions(top):
        if action.dest in _CANDIDATES and action.choices is None:
            _complete(action, _asked(_CANDIDATES[action.dest]))
        elif action.type is Path:
            _complete(action, shtab.FILE)
    made: str = shtab.complete(top, shell=shell)
    # shtab 1.13 lets zsh complete only the first of any number of words
    return made.replace('  "(*)::', '  "*:') if shell == "zsh" else made


def _asked(kind: str) -> dict[str, str | dict[str, str]]:
    """Candidates of this kind, asked for at each Tab; shtab.cmd would ask zsh's when the script is loaded."""
    ask, name = f"stratascope {WORD} {kind} 2>/dev/null", f"_stratascope_{kind}"
    return {
        "bash": name,
        "zsh": name,
        "fish": f"({ask})",
        "preamble": {
            "bash": f'{name}() {{ compgen -W "$({ask})" -- "$1"; }}',
            "zsh": f'{name}() {{ compadd -- ${{(f)"$({ask})"}}; }}',
        },
    }


def _complete(action: argparse.Action, how: object) -> None:
    setattr(action, "complete", how)  # noqa: B010 - shtab looks for it there


def _actions(top: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All of this parser and those below, whose long descriptions are left out: a menu takes a line for each."""
    for action in top._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                action.choices[listed.dest].description = listed.help
            for command in action.choices.values():
                yield from _actions(command)


WORD = "__complete"  # the first word of such a call
PATIENCE = 3.0  # seconds; 20 containers take 0.2, and 1 on a machine that is overloaded
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*\Z")  # what shells take as one word, whatever an engine says


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
        with contextlib.suppress(Exception):  # whatever an engine does, a shell shows no traceback
            engine = ports[number].describe()
            found[number] = [shared.container(raw, engine).name for raw in ports[number].list()]

    asking = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(len(ports))]
    for thread in asking:
        thread.start()
    end = time.monotonic() + PATIENCE
    for thread in asking:
        thread.join(max(0.0, end - time.monotonic()))
    return sorted(name for names in found for name in names if _PLAIN.match(name))

"""`stratascope completion SHELL`: the script by which bash, zsh or fish completes our words.

shtab makes it from the parser, in the user's language, when it is asked for: a script that is shipped as a file could
lag behind the program. What only this machine knows is asked at each Tab (`cli.completion_candidates`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import shtab

from stratascope.cli.arguments import parser
from stratascope.cli.completion_candidates import WORD
from stratascope.cli.output import write

_CANDIDATES = {"container": "containers", "containers": "containers", "engine": "engines", "set": "toggles"}


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    write(script(arguments.shell) + "\n")
    return 0


def script(shell: str) -> str:
    """The script for this shell, one of `bash`, `zsh`, `fish`."""
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

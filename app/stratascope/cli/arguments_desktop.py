"""The words of the commands that make the program at home on this machine: desktop, helper, completion."""

from __future__ import annotations

import argparse

from stratascope.cli.parsing import Parser, told
from stratascope.core.message import msg


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add them to the parser of `stratascope`."""
    desktop = commands.add_parser(
        "desktop",
        help=told(msg("put Stratascope into the desktop's menu, or take it out")),
        description=told(
            msg(
                "Puts an entry that starts this installation and its icons into the desktop's menu, or removes exactly "
                "that. Files that were changed or are not of Stratascope are left alone and named."
            )
        ),
    )
    helper = commands.add_parser(
        "helper",
        help=told(msg("install the helper that reads as root, or remove it")),
        description=told(
            msg(
                "Installs a helper that reads what only root can read, and polkit's action for it: polkit then asks "
                "for the password in the words of Stratascope. It asks for root once, says what it writes, and can "
                "remove exactly that."
            )
        ),
    )
    for command in (desktop, helper):
        acts = command.add_subparsers(dest="act", metavar="ACTION", required=True)
        install = acts.add_parser("install", help=told(msg("put it there")))
        remove = acts.add_parser("remove", help=told(msg("remove what install has put there")))
        for act in (install, remove):
            act.add_argument(
                "--dry-run", action="store_true", help=told(msg("say what would happen, and change nothing"))
            )
            if command is desktop:
                place = act.add_mutually_exclusive_group()
                place.add_argument(
                    "--user", action="store_true", help=told(msg("for this user only (if nothing else is said)"))
                )
                place.add_argument(
                    "--system", action="store_true", help=told(msg("for all users of this machine; takes root"))
                )
    completion = commands.add_parser(
        "completion",
        help=told(msg("print the script by which a shell completes these words")),
        description=told(
            msg(
                "Prints the script by which a shell completes the words of stratascope, names of containers included. "
                "For bash: stratascope completion bash > ~/.local/share/bash-completion/completions/stratascope"
            )
        ),
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help=told(msg("the shell that it is for")))

"""The words of the commands that make the program at home on this machine: desktop, helper, completion."""

from __future__ import annotations

import argparse

from stratascope.cli.parsing import Parser, told
from stratascope.core.message import msg


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add them to the parser of `stratascope`."""
    desktop = commands.add_parser(
        "desktop",
        help=told(msg("add Stratascope to the desktop menu, or remove it")),
        description=told(
            msg(
                "Adds a menu entry and icons for this installation to the desktop, or removes exactly these. Files "
                "that were changed, or that are not Stratascope's, are left alone and listed."
            )
        ),
    )
    helper = commands.add_parser(
        "helper",
        help=told(msg("install the helper that reads as root, or remove it")),
        description=told(
            msg(
                "Installs a helper that reads what only root can read, and the polkit action for it, so that polkit "
                "asks for the password with Stratascope's own text. It asks for root once, says what it writes, and "
                "can remove exactly that."
            )
        ),
    )
    for command in (desktop, helper):
        acts = command.add_subparsers(dest="act", metavar="ACTION", required=True)
        install = acts.add_parser("install", help=told(msg("install it")))
        remove = acts.add_parser("remove", help=told(msg("remove what install wrote")))
        for act in (install, remove):
            act.add_argument(
                "--dry-run", action="store_true", help=told(msg("say what would happen, and change nothing"))
            )
            if command is desktop:
                place = act.add_mutually_exclusive_group()
                place.add_argument("--user", action="store_true", help=told(msg("for this user only (the default)")))
                place.add_argument(
                    "--system", action="store_true", help=told(msg("for all users of this machine; requires root"))
                )
    completion = commands.add_parser(
        "completion",
        help=told(msg("print the completion script for a shell")),
        description=told(
            msg(
                "Prints the script with which a shell completes stratascope commands, including container names. For "
                "bash: stratascope completion bash > ~/.local/share/bash-completion/completions/stratascope"
            )
        ),
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help=told(msg("the shell to print it for")))

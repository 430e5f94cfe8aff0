"""The commands of the command line, as its parser has them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def commands(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands that have no commands of their own."""
    below = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield top
    for action in below:
        for command in action.choices.values():
            yield from commands(command)

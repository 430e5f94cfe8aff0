"""What a person chose on the command line: a preset, and single toggles on top of it."""

from __future__ import annotations

import argparse

from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import parse
from stratascope.usecases.hardening import Hardening


def choices_of(arguments: argparse.Namespace, hardening: Hardening, state: ContainerState) -> tuple[Choice, ...]:
    """For that container. Raises ToggleError, and what its engine raises."""
    found = {}
    if arguments.preset is not None:
        found = {item.toggle: item for item in hardening.preset(state, Preset(arguments.preset))}
    for text in arguments.set:
        item = parse(text)
        found[item.toggle] = item
    return tuple(found.values())

"""`harden`, `undo`, `discard`, `recover` and `export`: the window's hardening functions on the command line.

Exit codes: 0 verified (or the dry run is possible), 1 kept though not verified, 2 a usage or engine error, 3 refused,
nothing changed, 4 rolled back, the original runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from stratascope.cli.harden import choosing, undo
from stratascope.cli.harden.choosing import choices_of, several
from stratascope.cli.harden.relaunch import FAILED, REFUSED, VERIFIED, relaunch
from stratascope.cli.output import complain, on_terminal, say, write
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.relaunch.transaction import (
    BusyError,
    JournalError,
)
from stratascope.formats.export import ExportKind, export
from stratascope.i18n.translate import translate
from stratascope.wiring.hardening import open_hardening, options_of


def run(arguments: argparse.Namespace) -> int:
    """Run one of these commands; returns the exit code."""
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "harden": _harden,
        "tighten": _tighten,
        "undo": undo.one_or_all,
        "discard": undo.discard,
        "exercise": undo.exercise,
        "recover": undo.recover,
        "export": _export,
    }
    try:
        return commands[arguments.command](arguments)
    except BusyError as error:
        complain(translate(error.message))
        return REFUSED
    except JournalError as error:
        complain(translate(msg("The journal can't be written: {words}", words=error.words)))
    return FAILED


def _harden(arguments: argparse.Namespace) -> int:
    wide = several(arguments)
    with open_hardening(tuple(arguments.engine), terminal=on_terminal()) as found:
        undo.at_start(found)
        if wide:
            from stratascope.cli.harden import many

            return many.harden(arguments, found)
        access, state = found.state(arguments.containers[0])
        if choosing.is_open(arguments, state):
            wanted = choosing.preset_wanted(found.hardening, state)
            if wanted is None:
                say(translate(msg("Nothing was changed.")))
                return REFUSED
            arguments.preset = wanted or None
        preset = None if arguments.preset is None else Preset(arguments.preset)
        return relaunch(arguments, found, access, state, choices_of(arguments, found.hardening, state), preset=preset)


def _tighten(arguments: argparse.Namespace) -> int:
    from stratascope.cli.harden import tighten  # only this command needs trials

    return tighten.run(arguments)


def _export(arguments: argparse.Namespace) -> int:
    with open_hardening(tuple(arguments.engine)) as found:
        undo.at_start(found)
        _, state = found.state(arguments.container)
        made = found.hardening.plan(state, choices_of(arguments, found.hardening, state))
        text = export(ExportKind(arguments.kind), options_of(made), secrets=arguments.secrets)
        if arguments.json:
            text = json.dumps({"name": state.container.name, "as": arguments.kind, "text": text}) + "\n"
        write(text)
    return VERIFIED

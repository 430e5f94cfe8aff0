"""Maps commands to the modules that carry them out. Each module is imported only for its own command, so that no
command waits for the imports of another.

Exit codes: 0 done, 1 an exposure above --fail-above, 2 a usage or engine error.
"""

from __future__ import annotations

import argparse

from stratascope.cli.output import complain, complain_of
from stratascope.cli.progress import progress
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.ports import NoSuchContainerError
from stratascope.i18n.translate import translate

DONE, FAILED = 0, 2


def run(arguments: argparse.Namespace) -> int:
    """Run the parsed command; returns the exit code."""
    silent = bool(getattr(arguments, "json", False)) or arguments.command in ("background", "completion")
    progress.begin(_FIRST.get(arguments.command, _READING), silent=silent)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        progress.end()
        if arguments.command in _CHANGING:
            complain(translate(_state(arguments.command)))
        raise
    except (MessageError, NoSuchContainerError, OSError) as error:  # OSError: also a full disk at standard output
        one = (getattr(arguments, name, None) for name in ("container", "what"))
        given = *one, *getattr(arguments, "containers", ())
        complain_of(error, *filter(None, given))
        return FAILED
    finally:
        progress.end()


_READING = msg("Asking the engines")
_FIRST = {
    "check": msg("Reading what would start"),
    "desktop": msg("Looking at what is installed"),
    "helper": msg("Looking at what is installed"),
    "recover": msg("Looking for interrupted relaunches"),
    "report": msg("Reading the containers"),
    "list": msg("Reading the containers"),
}
_CHANGING = ("harden", "tighten", "undo", "discard", "recover", "exercise")


def _state(command: str) -> Message:
    """What containers are like after Ctrl+C where nothing catches it: before the first change, and in a recovery."""
    from stratascope.state.journal import FileJournal
    from stratascope.usecases.relaunch.recovery import unfinished

    if unfinished(FileJournal()):
        return msg("Interrupted. A relaunch is still unfinished: stratascope recover finishes it or goes back.")
    if command == "discard":
        return msg("Interrupted. Whether the original was removed: stratascope undo --dry-run says it.")
    return msg("Interrupted. All containers are as they were.")


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "harden" | "tighten" | "undo" | "exercise" | "discard" | "recover" | "export":
            from stratascope.cli.harden import commands

            return commands.run(arguments)
        case "plan":
            from stratascope.cli import plan

            return plan.run(arguments)
        case "reach":
            from stratascope.cli import reach

            return reach.run(arguments)
        case "try":
            from stratascope.cli import attempts

            return attempts.run(arguments)
        case "learn":
            from stratascope.cli import learn

            return learn.run(arguments)
        case "observe" | "needs":
            from stratascope.cli import observation

            return observation.run(arguments)
        case "denials":
            return _denials(arguments)
        case "list" | "diff" | "history":
            from stratascope.cli import looking

            return looking.run(arguments)
        case "desktop" | "helper":
            from stratascope.cli import desktop_commands

            return desktop_commands.run(arguments)
        case "background":
            from stratascope.cli import background

            return background.run(arguments)
        case "completion":
            from stratascope.cli import completion

            return completion.run(arguments)
        case "check":
            from stratascope.cli import check

            return check.run(arguments)
    from stratascope.cli import report

    return report.run(arguments)


def _denials(arguments: argparse.Namespace) -> int:
    """Run `denials`; 0 even if nothing was refused."""
    if arguments.container is None:
        from stratascope.cli import starting

        return starting.run(arguments)
    from stratascope.background_call import BackgroundCall
    from stratascope.wiring.engines import describe, open_engines

    with open_engines(tuple(arguments.engine)) as opened:
        asked = BackgroundCall(lambda: describe(opened))  # Podman takes half a second for this
        from stratascope.cli import observation  # imported meanwhile

        return DONE if observation.tell(arguments, opened, asked.result()) else FAILED

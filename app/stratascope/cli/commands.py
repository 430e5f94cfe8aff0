"""What each command does, and what is done where no window can be shown.

Exit codes: 0 done, 1 an exposure above --fail-above, 2 a usage or engine error.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from stratascope.background_call import BackgroundCall
from stratascope.cli.output import complain, complain_of, style, write
from stratascope.cli.reading import named_captures, put_right, read_annotations, read_capture
from stratascope.cli.reporting.printing import exceeded, gate_of, put
from stratascope.core.container import EngineState, matching
from stratascope.core.message import Message, MessageError, msg
from stratascope.core.ports import NoSuchContainerError, ProbeError
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import listed, translate
from stratascope.layers import all_layers
from stratascope.presentation import json_report
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.takeover import not_found, unchecked_engines, unread
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_snapshot, describe, open_engines, take_capture, translations

DONE, EXCEEDED, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed; returns the exit code."""
    try:
        return _run(arguments)
    except (MessageError, NoSuchContainerError, OSError) as error:  # OSError: also a full disk under what is printed
        complain_of(error, getattr(arguments, "container", None) or "")
        return FAILED


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command in ("harden", "tighten", "undo", "discard", "recover", "export"):
        from stratascope.cli.harden import commands as harden  # what only looks does not load it

        return harden.run(arguments)
    if arguments.command in ("observe", "needs"):
        from stratascope.cli import learning

        return learning.run(arguments)
    if arguments.command == "denials":
        return denials(arguments)
    if arguments.command == "history":
        from stratascope.cli import history

        return history.run(arguments)
    if arguments.command in ("desktop", "helper"):
        from stratascope.cli import desktop_commands

        return desktop_commands.run(arguments)
    if arguments.command == "completion":
        from stratascope.cli import completion

        return completion.run(arguments)
    if arguments.command == "check":
        from stratascope.cli.check import commands as check

        return check.run(arguments)
    if arguments.command in ("list", "diff"):
        from stratascope.cli import looking

        return looking.run(arguments)
    return engines(arguments) if arguments.command == "engines" else report(arguments)


def denials(arguments: argparse.Namespace) -> int:
    """`stratascope denials`: what a container is refused, or why it ended; 0 also where nothing was refused."""
    with open_engines(tuple(arguments.engine)) as opened:
        asked = BackgroundCall(lambda: describe(opened))  # Podman takes half a second for it
        from stratascope.cli import refusals  # meanwhile

        return DONE if refusals.tell(arguments, opened, asked.result()) else FAILED


def engines(arguments: argparse.Namespace) -> int:
    """`stratascope engines`."""
    with open_engines() as opened:
        put_right(opened)
        found = describe(opened)
    if arguments.json:
        write(json.dumps([json_report.engine_object(engine) for engine in found], indent=2) + "\n")
    else:
        from stratascope.presentation import text_report

        write("\n".join(text_report.engine_lines(found, style())) + "\n")
    return DONE


def report(arguments: argparse.Namespace) -> int:
    """`stratascope report`."""
    shared = translations()
    if arguments.privileged and arguments.from_capture is not None:
        complain(translate(msg("A capture already holds everything that was read: leave out --privileged.")))
        return FAILED
    if arguments.html is not None and arguments.output is not None:
        complain(translate(msg("Give either --output or --html: each names the file.")))
        return FAILED
    captures = named_captures(arguments)
    annotations = read_annotations(arguments)
    if len(captures) > 1:
        from stratascope.cli.reporting import fleet

        return fleet.report(arguments, captures, annotations)
    capture = read_capture(arguments, shared)
    if arguments.save_capture is not None:
        try:
            capture_file.save(capture, arguments.save_capture)
        except OSError as error:
            complain(f"{arguments.save_capture}: {error.strerror}")
            return FAILED
    snapshot = assembler(shared, verified_only=arguments.verified_only).snapshot(
        capture, demo=arguments.from_capture is not None
    )
    known = tuple(state.container.name for state in snapshot.containers)
    snapshot, missing = _only(snapshot, arguments.containers)
    if missing and not snapshot.containers:
        pass  # an empty report would look like an answer
    elif not put(arguments, snapshot, annotations, details=bool(arguments.containers)):
        return FAILED
    for name in missing:
        complain(translate(not_found(name, capture.engines, known)))
    unusable = not any(e.state is EngineState.CONNECTED for e in capture.engines)
    gated = gate_of(arguments)
    if unusable and gated:  # a gate must not open because nobody looked
        complain(translate(msg("No engine can be used, so nothing was checked against {option}.", option=gated)))
        return FAILED
    if missing or (arguments.engine and unusable):
        return FAILED
    if not gated:
        return DONE
    silent = () if arguments.containers else unchecked_engines(capture.engines, named=bool(arguments.engine))
    return gate(arguments, snapshot, annotations, silent)


def gate(arguments: argparse.Namespace, snapshot: Snapshot, annotations: Annotations, silent: tuple[str, ...]) -> int:
    """What --fail-above and --fail-on come to; of the engines `silent` nothing is known."""
    if exceeded(arguments, snapshot, annotations):
        return EXCEEDED
    names = (*silent, *unread(snapshot))
    if not names:
        return DONE
    known = listed(plain(name, 80) for name in names)
    complain(
        translate(
            msg(
                "Nothing is known about {names}, so {option} can't be checked. Name the containers to "
                "look at, or choose engines with --engine.",
                names=known,
                option=gate_of(arguments),
            )
        )
    )
    return FAILED


def _only(snapshot: Snapshot, names: list[str]) -> tuple[Snapshot, list[str]]:
    """The containers that are meant by these names or ids, and the names that fit none."""
    if not names:
        return snapshot, []
    all_ = tuple(state.container for state in snapshot.containers)
    found = {name: {container.key for container in matching(name, all_)} for name in names}
    keys = set().union(*found.values())
    kept = tuple(state for state in snapshot.containers if state.key in keys)
    return replace(snapshot, containers=kept), [name for name in names if not found[name]]


def instead_of_window(why: Message, captured: Sequence[Path] = ()) -> int:
    """Print the report of these captures, of the engines found, or of the demo capture where there is none."""
    from stratascope.presentation import text_report

    complain(translate(msg("{why} Here is the report as text.", why=why)))
    if captured:
        return _of_captures(captured)
    shared = translations()
    with open_engines() as found:
        put_right(found)
        capture = take_capture(found, shared)
    if any(engine.state is EngineState.CONNECTED for engine in capture.engines):
        write(text_report.render(assembler(shared).snapshot(capture), all_layers(), style()))
        return DONE
    for engine in capture.engines:
        if engine.message is not None:
            complain(f"{engine.id}: {translate(engine.message)}")
    complain(translate(msg("No container engine can be used, so this is the demo capture.")))
    write(text_report.render(demo_snapshot(), all_layers(), style()))
    return DONE


def _of_captures(paths: Sequence[Path]) -> int:
    from stratascope.presentation import text_report
    from stratascope.wiring import views

    status = DONE
    for path in paths:
        try:
            write(text_report.render(views.read(path), all_layers(), style()))
        except (ProbeError, OSError) as error:
            complain(translate(error.message) if isinstance(error, ProbeError) else f"{path}: {error.strerror}")
            status = FAILED
    return status

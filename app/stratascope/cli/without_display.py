"""What `stratascope` does where no window can be shown: it says why, and does the main job as text all the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stratascope.cli import commands
from stratascope.cli.output import complain, style, write
from stratascope.cli.reading import put_right
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.core.ports import ProbeError
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation import text_report
from stratascope.wiring import captures
from stratascope.wiring.engines import assembler, demo_snapshot, open_engines, take_record, translations


def run(why: Message, captured: Sequence[Path] = ()) -> int:
    """Print the report of these captures, of the engines found, or of the demo capture where there is none."""
    complain(translate(msg("{why} Here is the report as text.", why=why)))
    if captured:
        return _of_captures(captured)
    shared = translations()
    with open_engines() as found:
        put_right(found)
        record = take_record(found, shared)
    if any(engine.state is EngineState.CONNECTED for engine in record.engines):
        write(text_report.render(assembler(shared).snapshot(record), all_layers(), style()))
        return commands.DONE
    for engine in record.engines:
        if engine.message is not None:
            complain(f"{engine.id}: {translate(engine.message)}")
    complain(translate(msg("No container engine can be used, so this is the demo capture.")))
    write(text_report.render(demo_snapshot(), all_layers(), style()))
    return commands.DONE


def _of_captures(paths: Sequence[Path]) -> int:
    status = commands.DONE
    for path in paths:
        try:
            write(text_report.render(captures.read(path), all_layers(), style()))
        except ProbeError as error:
            complain(translate(error.message))
            status = commands.FAILED
        except OSError as error:
            complain(f"{path}: {error.strerror}")
            status = commands.FAILED
    return status

"""What `stratascope` does where no window can be shown: it says why, and does the main job as text all the same."""

from __future__ import annotations

from stratascope.cli import commands
from stratascope.cli.output import complain
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.wiring.engines import assembler, demo_snapshot, open_engines, take_record, translations


def run(why: Message) -> int:
    """Print the report of the engines found, or of the demo capture where there is none."""
    complain(translate(msg("{why} This is the report as text.", why=why)))
    shared = translations()
    with open_engines() as found:
        commands.put_right(found)
        record = take_record(found, shared)
    if any(engine.state is EngineState.CONNECTED for engine in record.engines):
        commands.show(assembler(shared).snapshot(record), as_text=True)
        return commands.DONE
    for engine in record.engines:
        if engine.message is not None:
            complain(f"{engine.id}: {translate(engine.message)}")
    complain(translate(msg("No container engine can be used, so this is the demo capture.")))
    commands.show(demo_snapshot(), as_text=True)
    return commands.DONE

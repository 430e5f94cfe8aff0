"""What `stratascope` does where no window can be shown: it says why, and does the main job as text all the same."""

from __future__ import annotations

from stratascope import wiring
from stratascope.cli import commands
from stratascope.cli.output import complain
from stratascope.core.container import EngineState
from stratascope.core.message import Message, msg
from stratascope.i18n import translate


def run(why: Message) -> int:
    """Print the report of the engines found, or of the demo capture where there is none."""
    complain(translate(msg("{why} This is the report as text.", why=why)))
    shared = wiring.translations()
    with wiring.open_engines() as found:
        commands.put_right(found)
        record = wiring.take_record(found, shared)
    if any(engine.state is EngineState.CONNECTED for engine in record.engines):
        commands.show(wiring.assembler(shared).snapshot(record), as_text=True)
        return commands.DONE
    for engine in record.engines:
        if engine.message is not None:
            complain(f"{engine.id}: {translate(engine.message)}")
    complain(translate(msg("No container engine can be used, so this is the demo capture.")))
    commands.show(wiring.demo_snapshot(), as_text=True)
    return commands.DONE

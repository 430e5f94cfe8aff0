"""A disposable container of the user's own engine: an image of ours alone, and a program that waits. For what is shown
or checked on containers whose options are known; nothing of it is left.

It is a twin without an original: it has the same label and the same record in the journal, so that what a crash leaves
of it is removed with the next start.
"""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import ORIGINAL, TWIN, PlainOptions, TwinRecord
from stratascope.core.relaunch.transaction import JournalError
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.attempts.copy import PROGRAM, add, status_of
from stratascope.usecases.engine_access import CopyAccess
from stratascope.usecases.relaunch.rollback import LATE
from stratascope.usecases.relaunch.watch import POLL
from stratascope.usecases.trial.twin import remove

_SETTLED = 3.0  # seconds
WAITS = (f"/{PROGRAM}", "peer")


def image(program: bytes) -> bytes:
    """A tar archive of a root directory with the program alone, and folders that every image has."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        for name in ("etc/", "mnt/", "root/", "run/"):
            add(made, name, 0, 0o755)
        add(made, "tmp/", 0, 0o1777)
        add(made, PROGRAM, 0, 0o755, program)
    return buffer.getvalue()


@contextmanager
def running(access: CopyAccess, program: bytes, options: PlainOptions) -> Iterator[str]:
    """Start one with these options, yield its full id, and remove it with its image. Raises EngineError, JournalError,
    RefusedError for options that this engine does not take.
    """
    number, port = secrets.token_hex(8), access.port
    name = f"stratascope-{options.name}-{number[:8]}"
    record = TwinRecord(
        id=number,
        engine=access.engine.id,
        endpoint=access.engine.endpoint,
        original="",
        name=name,
        started_at=time.time(),
        image=f"stratascope-disposable:{number}",
    )
    with access.journal.hold(record.engine, f"twin of {number}"):
        access.journal.write_twin(record)
        lost = True
        try:
            port.import_image(record.image, image(program))
            made = port.create(port.plain(record.image, WAITS, options), name, {TWIN: number, ORIGINAL: ""})
            lost = False
            port.start(made.id)
            yield made.id
        except BaseException as error:
            lost = lost and not isinstance(error, RefusedError)
            with suppress(EngineError, JournalError):
                remove(access, record, late=LATE if lost else 0.0)
            raise
        remove(access, record)


def settled(access: CopyAccess, container: str) -> ContainerState:
    """Its state as soon as its program runs: an engine's start may return while its runtime's process still sets it up.
    Raises EngineError, NoSuchContainerError.
    """
    until = access.clock.now() + _SETTLED
    while True:
        state = access.read(container)
        if state is None:
            raise NoSuchContainerError(container)
        status = status_of(state)
        if status is None or (status.name or "").startswith(PROGRAM) or access.clock.now() >= until:
            return state
        access.clock.sleep(POLL)

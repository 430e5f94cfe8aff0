"""Tries everything on disposable containers with plain options of one engine: whether predictions hold here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratascope.core.message import MessageError
from stratascope.core.relaunch.launch_spec import PlainOptions
from stratascope.core.threats.attempt import AttemptOutcome, Checked
from stratascope.usecases.attempts.attempts import Beacons, threats, tries
from stratascope.usecases.attempts.disposable import running, settled
from stratascope.usecases.engine_access import CopyAccess

CONFIGURATIONS = (
    PlainOptions("plain"),
    PlainOptions("no-capabilities", drop_all=True),
    PlainOptions("user", user="1000"),
    PlainOptions("no-filter", unconfined=True),
    PlainOptions("privileged", privileged=True),
    PlainOptions("read-only", read_only=True),
    PlainOptions("no-new-privileges", no_new_privileges=True),
    PlainOptions("host", host_namespaces=True),
)


def check(
    access: CopyAccess, program: bytes, beacons: Beacons, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Checked]:
    """Each configuration in turn; raises nothing that is one configuration's alone."""
    for options in CONFIGURATIONS:
        if cancelled():
            return
        try:
            with running(access, program, options) as container:
                beside = access.beside_all()
                state = settled(beside, container)
                events = tries(beside, state, program, threats(()), beacons, cancelled)
                found = tuple(event for event in events if isinstance(event, AttemptOutcome))
        except MessageError as error:
            yield Checked(access.engine.id, options.name, why=error.message)
            continue
        yield Checked(access.engine.id, options.name, found)

"""One sandbox's text, as a capture keeps it, into a Container.

The text is an object in JSON: `first`, the PID of its first process; `parent`, which depends on what else ran; `lines`,
what was read of its processes (`linux.confined`).
"""

from __future__ import annotations

import json

from stratascope.core.container import NO_ENGINE, Asked, Container, Engine, ProfileKind, Status
from stratascope.core.ports import RawContainer
from stratascope.core.sandbox import Sandbox
from stratascope.core.sandboxes.find import FoundSandbox, sandboxes
from stratascope.linux.confined import Confined, parse_confined
from stratascope.linux.decode import DecodeError
from stratascope.value import replace


def raw_of(sandbox: Sandbox) -> RawContainer:
    """The text of a sandbox."""
    told = {"first": sandbox.first, "parent": sandbox.parent, "lines": sandbox.processes}
    return RawContainer(NO_ENGINE.id, sandbox.id, json.dumps(told, ensure_ascii=True))


def translate(raw: RawContainer, engine: Engine) -> Container:
    """See `core.ports.Translator`."""
    found = _found(raw)
    sandbox = found.sandbox
    return Container(
        engine=raw.engine,
        id=raw.id,
        name=sandbox.name,
        image="",
        status=Status.RUNNING,
        pid=sandbox.first,
        created=0.0,
        started=0.0,
        command=sandbox.command,
        asked=found.asked or UNKNOWN,
        runtime="runsc" if sandbox.maker == "gvisor" else "",  # a kernel of its own
        sandbox=sandbox,
    )


# of whom nothing was asked that could be read
UNKNOWN = Asked(
    pid_mode="",
    ipc_mode="",
    uts_mode="",
    network_mode="",
    cgroupns_mode="",
    device_rules=None,
    seccomp=ProfileKind.UNKNOWN,
    apparmor=ProfileKind.UNKNOWN,
)


def found_in(confined: Confined) -> tuple[FoundSandbox, ...]:
    """All sandboxes of one look."""
    return sandboxes(confined.processes, confined.host, {})


def _found(raw: RawContainer) -> FoundSandbox:
    """Raises ValueError."""
    told = json.loads(raw.inspect)
    if not isinstance(told, dict) or not isinstance(told.get("lines"), list):
        raise ValueError("a sandbox is an object with lines")
    try:
        found = found_in(parse_confined("".join(f"{line}\n" for line in told["lines"])))
    except DecodeError as error:
        raise ValueError(str(error)) from error
    for each in found:
        if each.sandbox.first == told.get("first"):
            known = replace(each.sandbox, id=raw.id, parent=str(told.get("parent", "")))
            return replace(each, sandbox=known)
    raise ValueError("no sandbox begins with that process")

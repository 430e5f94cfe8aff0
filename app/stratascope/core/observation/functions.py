"""What a container was seen doing beyond running: its functions, as far as an observation tells them apart.

A function shows by a program that was started, a capability that was used, a call outside the harmless ones, a
directory that was written to, a save, or a client from outside. One that was seen while a container was watched and did
not happen again on a twin, or after a relaunch, was not tried: whatever else works, that may not.

What happens inside a program without any of these is not told apart from other requests, so clients from outside count
as a function of their own: a probe of ours asks for less than they do.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Observation, Phase, RefusedCall

_SHOWN = 8
# How a process is created or ends differs with load, and is no function
_NO_FUNCTION = frozenset(("clone", "clone3", "socket", "personality", "rseq"))


def untried(seen: Observation | None, again: Observation | None) -> tuple[Message, ...]:
    """The functions of `seen` that did not happen in `again`, for people; None: nothing was observed."""
    if seen is None or seen == Observation():
        return ()
    again = again or Observation()
    names = (
        *(path.rpartition("/")[2] for path in _more(seen.executed, again.executed)),
        *(name.removeprefix("CAP_") for name in _more(_capabilities(seen), _capabilities(again))),
        *_more(_calls(seen), _calls(again)),
        *_more(seen.written, again.written),
    )
    found = []
    if names := tuple(dict.fromkeys(names)):
        shown = ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        found.append(msg("Seen while it was watched, and not tried since: {names}.", names=shown))
    if Phase.SAVE in seen.seen.phases and Phase.SAVE not in again.seen.phases:
        found.append(msg("It saved data while it was watched, and not since."))
    if ports := _more(_asked(seen), _asked(again)):
        found.append(msg("Clients from outside used it while it was watched, and not since: port {ports}.",
                         ports=", ".join(map(str, ports))))  # fmt: skip
    return tuple(found)


def worked(seen: Observation | None) -> bool:
    """Whether it was seen doing anything beyond its start and its end by itself. What answers at a port works for its
    clients, and an observation may hold no more of them than the probes of twins.
    """
    more = {Phase.CHILDREN, Phase.SAVE, Phase.SESSIONS}
    return seen is not None and not seen.ports and bool(more & set(seen.seen.phases))


def asked_for(seen: Observation | None, given: Iterable[str]) -> tuple[RefusedCall, ...]:
    """What was refused to it and is to pass now. `given`: names of calls and capabilities that it is given."""
    names = set(given)
    denied = () if seen is None else seen.denied
    return tuple(
        each for each in denied if (each.filtered and each.name in names) or bool(names.intersection(each.lacked))
    )


def _more(seen: Iterable[str], again: Iterable[str]) -> tuple[str, ...]:
    there = set(again)
    return tuple(each for each in dict.fromkeys(seen) if each not in there)


def _capabilities(seen: Observation) -> tuple[str, ...]:
    return tuple(each.name for each in seen.capabilities if each.uses)


def _calls(seen: Observation) -> tuple[str, ...]:
    return tuple(call.name for call in seen.notable() if call.name not in _NO_FUNCTION)


def _asked(seen: Observation) -> tuple[str, ...]:
    return tuple(f"{port.port}/{port.protocol}" for port in seen.ports if port.outside)

"""Counts the containers that could take over the machine, and those that were not seen; shared by window and page.

Sandboxes of other makers do not count: most are of programs that their user started with all of his rights.

Only running containers count, since others can't try. If none could, only known ones are counted: "None of 5" is a
promise about each of the five. An unseen container may be the worst of all, so nothing is called safe or absent without
naming the engines that deny access or do not answer. A stopped Docker or an engine that is not installed does not
count as unseen: it runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.capture import GapKind
from stratascope.core.container import Engine, EngineState, Status
from stratascope.core.layer import Finding
from stratascope.core.message import Message, msg
from stratascope.core.options.rules import rules_of
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.needs import HostFiles, Need
from stratascope.core.threats.states import ThreatState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import listed, translate
from stratascope.value import Value

_STOPPED = frozenset({Status.CREATED, Status.EXITED, Status.DEAD, Status.REMOVING})


class TakingOver(Value):
    """Running containers. `could`: those that could take over the machine; `accounts`: those that could take over a
    user's account; `unknown`: how many are undecided, `unread`: how many of these were not read at all; `total`: how
    many run or may run.
    """

    could: tuple[ContainerState, ...]
    accounts: tuple[ContainerState, ...]
    unknown: int
    unread: int
    total: int


class Judges:
    """Caches the result for each container until it is read again: a window asks at every reading."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[ContainerState, bool, bool, bool, bool]] = {}

    def taking_over(self, states: tuple[ContainerState, ...]) -> TakingOver:
        """Count these containers."""
        known, self._known = self._known, {}
        could, accounts, unknown, unread, total = [], [], 0, 0, 0
        for state in states:
            found = known.get(state.key)
            if found is None or found[0] is not state:
                counts = may_run(state) and state.container.sandbox is None
                found = (state, counts, takes_machine(state), takes_account(state), undecided(state))
            self._known[state.key] = found
            _, counts, takes_over, only_account, open_question = found
            if counts:
                total += 1
                unknown += open_question
                unread += state.matrix is None
                if takes_over:
                    could.append(state)
                elif only_account:
                    accounts.append(state)
        return TakingOver(tuple(could), tuple(accounts), unknown, unread, total)


def taking_over(states: tuple[ContainerState, ...]) -> TakingOver:
    """Count these containers."""
    return Judges().taking_over(states)


def not_known(found: TakingOver, unseen: tuple[str, ...] = (), asking: tuple[str, ...] = ()) -> list[str]:
    """Qualifications: how many are not known, which engines are not seen, and which (`asking`) are being read."""
    parts = [translate(msg("{count} not known", count=found.unknown))] if found.unknown else []
    if unseen:
        parts.append(translate(msg("{engines} not seen", engines=listed(plain(each, 60) for each in unseen))))
    named = [plain(each, 60) for each in asking if each]  # "" stands for captures without known engines
    if named:
        parts.append(translate(msg("still reading {engines}", engines=listed(named))))
    return parts


def none_could(found: TakingOver, unseen: tuple[str, ...] = (), *, so_far: bool = False) -> Message:
    """The sentence if none is known to be able to; `unseen`: engines that may have more containers; `so_far`: some of
    them are still being read.
    """
    if found.total == 0:
        return msg("No running container seen") if unseen else msg("No container runs")
    if found.unread == found.total:
        return msg("Nothing could be read")
    if found.accounts:
        return msg("{count} of {total} could take over a user's account", count=len(found.accounts), total=found.total)
    if found.unknown == found.total:
        return msg("Not known whether one could take over")
    if so_far:
        return msg("None of {total} could take over so far", total=found.total - found.unknown)
    return msg("None of {total} could take over", total=found.total - found.unknown)


def runs(state: ContainerState) -> bool:
    """Whether the container has processes; a predicted one counts as running."""
    container = state.container
    if container.status is Status.PREDICTED:
        return not container.error
    return not container.error and container.pid is not None and container.status not in _STOPPED


def may_run(state: ContainerState) -> bool:
    """Whether it runs, or may run because the engine's answer about it was not understood."""
    return runs(state) or bool(state.container.error)


def critical(state: ContainerState) -> bool:
    """Whether a critical threat is open: a process in it could take over the machine, or a user's account."""
    return state.matrix is not None and bool(state.matrix.open(Severity.CRITICAL))


_SOCKET_THREAT, _SOCKET_FINDING = "use-engine-socket", "namespaces.engine-socket"


def takes_account(state: ContainerState) -> bool:
    """Whether all critical threats that are open give a user's rights, and none of them root's: the socket of a user's
    engine, and what that user's programs are started from.
    """
    opened = () if state.matrix is None else state.matrix.open(Severity.CRITICAL)
    return bool(opened) and all(_is_users(each, state) for each in opened)


def danger(threat: ThreatState, state: ContainerState | None) -> Message:
    """What happens in that container, in a sentence; of an open socket of an engine, whose engine that is."""
    found = _open_socket(threat, state)
    return threat.threat.what if found is None else found.text


def danger_in_brief(threat: ThreatState, state: ContainerState) -> Message:
    """The same without the socket's path, where that stands beside it."""
    found = _open_socket(threat, state)
    if found is None:
        return threat.threat.what
    engine = dict(found.text.args)["engine"]
    if found.severity is Severity.CRITICAL:
        return msg("Can take over this machine through the {engine} socket.", engine=engine)
    return msg("Can take over a user's account through that user's {engine} socket.", engine=engine)


def _open_socket(threat: ThreatState, state: ContainerState | None) -> Finding | None:
    if state is None or threat.threat.id != _SOCKET_THREAT or threat.outcome is not Outcome.OPEN:
        return None
    return next((each for each in state.findings if each.code == _SOCKET_FINDING), None)


def _is_users(threat: ThreatState, state: ContainerState) -> bool:
    if threat.threat.id == _SOCKET_THREAT:
        found = [each.severity for each in state.findings if each.code == _SOCKET_FINDING]
        return bool(found) and Severity.CRITICAL not in found
    taken = [each.route for each in threat.routes if each.least == 0]
    return all(any(_of_user(need) for step in route.steps for need in step.needs) for route in taken)


def _of_user(need: Need) -> bool:
    return isinstance(need, HostFiles) and need.users


def takes_machine(state: ContainerState) -> bool:
    """Whether a process in it could take over the machine."""
    return critical(state) and not takes_account(state)


def undecided(state: ContainerState) -> bool:
    """Whether it is unknown if this running container could take over the machine."""
    if not may_run(state) or critical(state):
        return False
    return state.matrix is None or any(
        threat.outcome is Outcome.UNKNOWN and threat.threat.severity is Severity.CRITICAL
        for threat in state.matrix.threats
    )


_SILENT = frozenset({EngineState.DENIED, EngineState.UNREACHABLE})


def unseen_engines(snapshot: Snapshot) -> tuple[str, ...]:
    """The engines whose containers are unknown: they deny access, or do not answer.

    Containers read before an engine hung may still be shown; what it runs now is not known.
    """
    asking = (each for each in snapshot.asking if each)  # "" stands for captures not read yet, without known engines
    return (*asking, *(each.id for each in snapshot.engines if each.state in _SILENT))


def unchecked_engines(engines: Iterable[Engine], *, named: bool) -> tuple[str, ...]:
    """The engines whose containers can't be checked against a limit. `named`: the user gave them, so all unusable ones.

    A stopped Podman may have running containers, and so may an engine on another machine that does not listen.
    """
    return tuple(
        each.id
        for each in engines
        if each.state in _SILENT
        or (each.state is EngineState.STOPPED and (not rules_of(each).daemon or not each.local))
        or (named and each.state is not EngineState.CONNECTED)
    )


def unread(snapshot: Snapshot) -> tuple[str, ...]:
    """Names of containers that run or may run and have no exposure, without those that have ended meanwhile."""
    return tuple(
        state.container.name
        for state in snapshot.containers
        if may_run(state) and state.matrix is None and (state.gap is None or state.gap.kind is not GapKind.GONE)
    )


def not_found(name: str, engines: Iterable[Engine], known: Iterable[str] = ()) -> Message:
    """A message that no container has that name or id, with similar names, and why engines that may have it could not
    be queried.
    """
    found = bare = msg("No container has the name or ID {name}.", name=name)
    from difflib import get_close_matches  # only needed for a name that was not found

    close = get_close_matches(name, dict.fromkeys(known), 3)
    if close:
        found = msg("{text} Did you mean {names}?", text=found, names=", ".join(close))
    asked = tuple(engines)
    none = not any(each.state is EngineState.CONNECTED for each in asked)
    for each in asked:
        if each.message is not None and (each.state in _SILENT or (none and each.state is EngineState.STOPPED)):
            found = msg("{text} {engine} can't be asked: {why}", text=found, engine=each.id, why=each.message)
    return msg("{text} See stratascope list.", text=found) if found is bare else found

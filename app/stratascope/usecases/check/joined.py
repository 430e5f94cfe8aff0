"""Containers of one text that share namespaces: by `service:` and `container:`, or as a manifest's pod.

One container's options alone do not show whose such a namespace is, or who else is in it: the whole text does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from stratascope.core.container import Asked, matching
from stratascope.core.ground import Neighbour, Peers
from stratascope.core.options.given import Service
from stratascope.core.options.table import KUBE_PLAY
from stratascope.core.overview.shared_parts import OF_CONTAINER, OWN_MODES, neighbour
from stratascope.core.snapshot import ContainerState
from stratascope.linux.seccomp import SeccompMode
from stratascope.value import Value, replace

_OF_PODS = frozenset(("ipc", "uts", "net"))  # shared by all containers of a pod; the PID namespace only on request


class Joined(Value):
    """How a container joins others. `modes`: the field of `Asked`, the mode as written, and the effective mode."""

    modes: tuple[tuple[str, str, str], ...] = ()
    peers: Peers = Peers()

    def implied(self, asked: Asked) -> Asked | None:
        """The options with effective modes; None if these options don't join what the text joins."""
        if any(getattr(asked, field) != typed for field, typed, _ in self.modes):
            return None
        modes: dict[str, Any] = {field: mode for field, _, mode in self.modes}
        return replace(asked, **modes)


ALONE = Joined()


def joined(services: Sequence[Service], states: Sequence[ContainerState], infra: int | None) -> tuple[Joined, ...]:
    """How each service joins others, in order. `infra`: capabilities of a pod's first process as a bit mask, None: not
    known.
    """
    modes: list[list[tuple[str, str, str]]] = [[] for _ in states]
    others: list[list[tuple[str, tuple[str, ...]]]] = [[] for _ in states]
    neighbours: list[tuple[Neighbour, ...]] = [() for _ in states]
    owners = _Owners(states)
    pods = [next((said.value or "" for said in each.said if said.name == KUBE_PLAY), "") for each in services]
    for kind, field in OWN_MODES:
        groups = defaultdict[int | str, list[int]](list)
        for place in range(len(states)):
            groups[owners.whose(kind, field, place, pods[place])].append(place)
        for whose, places in groups.items():
            of_pod = isinstance(whose, str)
            mode = "private" if isinstance(whose, str) else getattr(states[whose].container.asked, field)
            for place in places:
                typed = getattr(states[place].container.asked, field)
                if typed != mode and (typed == "pod" or typed.startswith(OF_CONTAINER)):
                    modes[place].append((field, typed, mode))
            if mode == "host" or (len(places) == 1 and not of_pod):
                continue  # the host's namespace, or one that no other container is in
            first = [Neighbour(f"{whose}-infra", infra, strong=False)] if of_pod else []
            inside = [*first, *(_neighbour(states[place]) for place in places)]
            for at, place in enumerate(places, len(first)):
                beside = tuple(each for number, each in enumerate(inside) if number != at)
                others[place].append((kind, tuple(each.name for each in beside)))
                if kind == "pid":
                    neighbours[place] = beside
    return tuple(
        Joined(tuple(mode), Peers(as_requested=tuple(names), neighbours=beside)) if mode or names else ALONE
        for mode, names, beside in zip(modes, others, neighbours, strict=True)
    )


class _Owners:
    """Resolves whose namespaces containers are in. References are cached: chains may be hundreds long."""

    def __init__(self, states: Sequence[ContainerState]) -> None:
        self._containers = [state.container for state in states]
        self._meant: dict[tuple[str, str], int | None] = {}

    def whose(self, kind: str, field: str, place: int, pod: str) -> int | str:
        """Index of the container whose namespace it is in, or name of the pod; itself if the reference is
        unknown here.
        """
        mode = getattr(self._containers[place].asked, field)
        if pod and (mode == "pod" or (kind in _OF_PODS and mode != "host")):
            return pod
        owner, passed = place, {place}
        while mode.startswith(OF_CONTAINER):
            following = self._named(self._containers[place].engine, mode.removeprefix(OF_CONTAINER))
            if following is None or following in passed:
                return place
            owner = following
            passed.add(owner)
            mode = getattr(self._containers[owner].asked, field)
        return owner

    def _named(self, engine: str, word: str) -> int | None:
        if (engine, word) not in self._meant:
            of_engine = {number: each for number, each in enumerate(self._containers) if each.engine == engine}
            meant = matching(word, of_engine.values())
            found = next((number for number, each in of_engine.items() if each in meant), None)
            self._meant[engine, word] = found
        return self._meant[engine, word]


def _neighbour(state: ContainerState) -> Neighbour:
    facts = {layer.id: layer.facts for layer in state.layers}
    namespaces, capabilities, seccomp = (facts.get(layer) for layer in ("namespaces", "capabilities", "seccomp"))
    usermap = facts.get("usermap")
    uid, gid = (None, None) if usermap is None else (usermap.uid_outside, usermap.gid_outside)
    permitted = None if capabilities is None or capabilities.permitted is None else capabilities.permitted.bits
    user = None if namespaces is None else namespaces.user
    mode = None if seccomp is None else seccomp.mode
    return neighbour(
        state.container.name,
        permitted,
        initial=None if user is None else user.shared_with_host,
        filtered=None if mode is None else mode is not SeccompMode.DISABLED,
        ids=None if uid is None or gid is None else (uid, gid),
    )

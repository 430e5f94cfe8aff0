"""Writes choices for one service into its text, and computes the difference.

The result is parsed again, and must ask for exactly what the choices mean; and no other service may ask for anything
new (by an anchor, an extended file, what a pod sets for all its containers). Otherwise it is rejected. If nobody knows
the image, so that the container may or may not run as root, root is assumed: what closes that closes any other user,
too.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from contextlib import suppress

from stratascope.core.container import Asked, AskedMount, Engine, EngineKind, Image, ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.options.difference import Change, UnwritableError, changes
from stratascope.core.options.given import GivenOption, Service
from stratascope.core.options.rules import WRITABLE
from stratascope.core.options.table import KUBE_PLAY
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.snapshot import ContainerState
from stratascope.formats.read import rewritten
from stratascope.formats.text import Read
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.layers.toggles import fold, leaving_privileged, plain
from stratascope.usecases.check.check import Checker, Host
from stratascope.usecases.check.joined import ALONE, Joined
from stratascope.usecases.plan.prediction import Prediction
from stratascope.value import replace


def difference(before: str, after: str, file: str, context: int = 3) -> list[str]:
    """A unified diff, as for patch(1); empty if both are equal."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}", n=context
    )
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]


def changed_lines(before: str, after: str) -> tuple[str, ...]:
    """Removed lines, with a leading -, and added lines, with +; without line ends."""
    lines = [line.rstrip("\n") for line in difference(before, after, "", 0)[2:]]
    return tuple(line for line in lines if not line.startswith(("@@", "\\")))


_UNWRITABLE = msg("It can't be written into this text automatically.")
_OTHERS = msg("Written into this text, it would change other containers too.")


class Writer:
    """Writes choices into one service of a text."""

    def __init__(
        self,
        checker: Checker,
        text: str,
        file: str,
        number: int,
        read: Read | None = None,
        state: ContainerState | None = None,
        joined: Joined = ALONE,
    ) -> None:
        """`number`: index of the service in the text. `read`: the parsed text, `state`: that service judged, its user
        known, if the caller has them. `joined`: the others that it shares namespaces with. Raises UnwritableError if
        there is no such service, ProbeError.
        """
        self._checker, self._file, self._text, self._number = checker, file, text, number
        self._read = checker.read(text, file) if read is None else read
        self.service = self._found(self._read)
        self._host, self._predictor = checker.predictor(self.service.kind)
        self._joined, peers = joined, self._predictor.peers(joined)
        self.state = replace(self._state(self.service) if state is None else state, peers=peers)
        self.subject = subject_of(self.state, self._host, self.service.files, self.service.words)
        self.prediction = Prediction(checker.layers, replace(self._predictor.around, peers=peers), self.state)

    def written(self, chosen: Sequence[Choice], *, exact: bool = True) -> str:
        """The text with all choices. `exact` False: tolerate that the text still asks for a group (runAsGroup) that was
        not chosen with the new user; the caller then has to judge the result. Raises UnwritableError, ToggleError.
        """
        before, wanted = self.subject.container.asked, self.wanted(chosen)
        if wanted == before:
            return self._text
        text = self._text
        for change in changes(self.service.said, before, wanted, self._host.engine):
            text = self._with(text, change)
        again = self._checker.read(text, self._file)
        if again.failed or self._others(again) != self._others(self._read):
            raise UnwritableError(self.service.name, _OTHERS)
        image = self._checker.image(self._host, self.service.image) or Image()
        found = self._predictor.understood(self._found(again), image).container.asked
        if not exact and ":" not in wanted.user:
            found = replace(found, user=found.user.partition(":")[0])
        usual, engine = self._host.plain.asked, self._host.engine
        labelled = any((said.value or "").startswith("label") for said in self.service.said)
        compared = (normalized(each, usual, engine, labelled=labelled) for each in (found, wanted))
        if next(compared) != next(compared):
            raise UnwritableError(self.service.name)
        return text

    def wanted(self, chosen: Sequence[Choice]) -> Asked:
        """The options that result from the choices in this text. Raises ToggleError."""
        before = self.subject.container.asked
        wanted = fold(before, chosen, self.subject)
        if any(said.name == KUBE_PLAY for said in self.service.said):
            # a manifest can't set swap: the node does
            return replace(wanted, memory_swap=before.memory_swap)
        return wanted

    def as_far(self, chosen: Sequence[Choice]) -> tuple[str, tuple[Choice, ...]]:
        """The text with all choices that can be written, and the choices that can't."""
        with suppress(UnwritableError, ToggleError):
            return self.written(chosen), ()
        text, kept, left = self._text, list[Choice](), list[Choice]()
        for choice in self._in_order(chosen):
            try:
                text = self.written([*kept, choice])
                kept.append(choice)
            except (UnwritableError, ToggleError):
                left.append(choice)
        return text, tuple(left)

    def why_not(self, choice: Choice) -> Message | None:
        """Why that can't be written, neither by itself nor together with leaving privileged mode; None: it can."""
        leaving = () if choice.toggle.leaves_privileged else leaving_privileged(self.subject)
        why: Message | None = None
        for with_it in ([choice], [*leaving, choice]) if leaving else ([choice],):
            try:
                self.written(with_it)
            except UnwritableError as error:
                why = error.why or why or _UNWRITABLE
            except ToggleError as error:
                why = why or error.message
            else:
                return None
        return why

    def again(self, text: str) -> ContainerState:
        """Judge the service as another version of the text asks for it. Raises UnwritableError."""
        return self._state(self._found(self._checker.read(text, self._file)))

    def _found(self, read: Read) -> Service:
        if self._number >= len(read.services):
            raise UnwritableError(self._file)
        return read.services[self._number]

    def _others(self, read: Read) -> list[tuple[str, list[tuple[str, str | None]]]]:
        return [
            (each.name, [(said.name, said.value) for said in each.said])
            for number, each in enumerate(read.services)
            if number != self._number
        ]

    def _in_order(self, chosen: Sequence[Choice]) -> Sequence[Choice]:
        """Choices that others depend on first."""
        try:
            return plain(chosen, self.subject)
        except ToggleError:
            return sorted(chosen, key=lambda each: not each.toggle.leaves_privileged)

    def _state(self, service: Service) -> ContainerState:
        image = self._checker.image(self._host, service.image) or Image()
        return self._predictor.state(service, image, self._joined)[0]

    def _with(self, text: str, change: Change) -> str:
        """Apply one change to the text. Earlier changes shift lines, so its position is looked up again."""
        service = self._found(self._checker.read(text, self._file))
        if change.old is not None:
            change = replace(change, old=_again(service.said, change.old))
        return rewritten(text, self._file, service, change)


def subject_of(
    state: ContainerState, host: Host, files: tuple[tuple[str, str], ...] = (), words: tuple[str, ...] = ()
) -> Subject:
    """The future container as toggles see it. `files`: path and text of the profiles that it names; `words`: of its
    command and of its environment.
    """
    facts = tuple((layer.id, layer.facts) for layer in state.layers)
    total = host.ground.memory_total
    return Subject(state.container, host.engine, facts, files=files, memory_total=total, environment=words)


def normalized(asked: Asked, usual: Asked, engine: Engine, *, labelled: bool = False) -> object:
    """The effect of these options, in normal form. `usual`: of a container without any; `labelled`: the text has
    SELinux options.
    """
    docker = engine.kind is EngineKind.DOCKER
    modes = (asked.pid_mode, asked.ipc_mode, asked.uts_mode, asked.network_mode, asked.cgroupns_mode)
    # Docker adds "disable" itself with the host's PID or IPC namespace, and omits it without
    labels = set(asked.selinux_options) - ({"disable"} if docker and not labelled else set())
    apparmor = ProfileKind.DEFAULT if asked.apparmor is ProfileKind.UNKNOWN else asked.apparmor
    lists = (asked.cap_add, asked.cap_drop, asked.devices, asked.ports, asked.limits, asked.sysctls, asked.unmasked)
    return (
        replace(
            asked,
            pid_mode="", ipc_mode="", uts_mode="", network_mode="", cgroupns_mode="",
            selinux_options=(), apparmor=apparmor, capabilities=None, account=None,
            cap_add=(), cap_drop=(), devices=(), ports=(), limits=(), sysctls=(), unmasked=(), mounts=(),
            masked_paths=usual.masked_paths if asked.masked_paths is None else asked.masked_paths,
            read_only_paths=usual.read_only_paths if asked.read_only_paths is None else asked.read_only_paths,
        ),
        tuple(mode if shared_mode(mode) or mode == "none" else "private" for mode in modes),
        frozenset(labels),
        tuple(map(frozenset, lists)),
        frozenset(each for each in asked.mounts if not _by_itself(each, asked, docker=docker)),
    )  # fmt: skip


def _by_itself(mount: AskedMount, asked: Asked, *, docker: bool) -> bool:
    """Whether Podman mounts it over a read-only root directory by default."""
    plain_tmpfs = mount.kind == "tmpfs" and not mount.options and mount.target in WRITABLE
    return plain_tmpfs and asked.read_only_root and not docker


def _again(said: Sequence[GivenOption], old: GivenOption) -> GivenOption:
    found = [each for each in said if (each.name, each.value) == (old.name, old.value)]
    if not found:
        raise UnwritableError(old.name)
    return found[0]

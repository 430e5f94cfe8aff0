"""Turns what a twin was refused into refusals of a trial: in words, and with what would allow exactly that.

A key omits what differs between runs (numbers in names of files, processes), so that a refusal that an unchanged twin
also gets is recognised.
"""

from __future__ import annotations

import errno
import posixpath
import re
from collections.abc import Callable, Sequence

from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import Observation, RefusedCall, UsedCall, added
from stratascope.core.options.capabilities import FILES, bounding, named
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.trial import Loosening, TwinRefusal
from stratascope.core.sanitize import plain
from stratascope.layers.namespaces.written import in_temporary_place
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.profiles import DefaultFilter
from stratascope.layers.shared.deciding_settings import SETTING as PORT_START
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.toggle_values import is_docker
from stratascope.layers.toggles import all_toggles, choice_of
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import Given
from stratascope.linux.syscalls import abi_named
from stratascope.usecases.plan.choices import resolved
from stratascope.value import replace

_NUMBERS = re.compile(r"[0-9]+")
_CAPABILITIES, _FILTER, _READ_ONLY, _TMPFS = "capabilities", "seccomp", "read-only-root", "tmpfs"
_NO_GAIN, _LOW_PORT = "no-new-privileges", "CAP_NET_BIND_SERVICE"
_MOST = 100  # calls in vain that are kept
_READING = frozenset((_READ_ONLY, "host-paths"))  # what makes places read-only
_LIMITS = {4: "core", 6: "nproc", 7: "nofile"}  # asm-generic/resource.h

Loosen = Callable[[RefusedCall], Loosening | None]
Counts = Callable[[RefusedCall], bool]
# A program that is no longer root tries in vain to become somebody else, and mostly goes on: whether it works, it shows
_BECOMING = frozenset(
    (
        *("capset", "chroot", "prctl", "chown", "fchown", "fchownat", "lchown", "setfsgid", "setfsuid", "setgid"),
        *("setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid"),
    )
)


def counts(denied: RefusedCall) -> bool:
    """Not where a program is told that there is no `clone3`, as each of our filters tells it: it takes `clone` then."""
    return not (denied.filtered and denied.name == "clone3" and denied.errno == errno.ENOSYS)


def refusal(denied: RefusedCall, loosen: Loosen) -> TwinRefusal:
    """One thing that was refused."""
    path = _NUMBERS.sub("#", denied.path)
    arguments = ",".join(map(str, denied.values)) if denied.name in ("socket", "personality") else ""
    key = "\0".join((denied.by, denied.abi, denied.name, str(denied.errno), str(denied.filtered), path,
                     ",".join(denied.lacked), arguments))  # fmt: skip
    return TwinRefusal(key, _words(denied), loosen(denied))


def _words(denied: RefusedCall) -> Message:
    call = f"{denied.name}({plain(denied.path, 80)})" if denied.path else denied.name
    by, why = plain(denied.by, 40), errno.errorcode.get(denied.errno, str(denied.errno))
    if denied.filtered:
        return msg("{by}: {call} is stopped by the system call filter.", by=by, call=call)
    if denied.lacked:
        names = ", ".join(name.removeprefix("CAP_") for name in denied.lacked)
        return msg("{by}: {call} needs {names}.", by=by, call=call, names=names)
    if denied.errno == errno.EROFS:
        return msg("{by}: {call} would write where everything is read-only.", by=by, call=call)
    return msg("{by}: {call} is refused ({why}).", by=by, call=call, why=why)


class Allowing:
    """Loosens by just what was refused: one call more in the filter, one capability, one more place to write.

    Remembers what it allowed of a trial, so that the next value has all of it; a filter has what was allowed of any.
    """

    def __init__(self, subject: Subject, word: str, place: Callable[[str], str]) -> None:
        """`word`: by which the filter was learned."""
        self._subject, self._word, self._place = subject, word, place
        self._engine = subject.engine
        self._values: dict[str, Choice] = {}
        self._began: dict[str, Choice] = {}  # with what the trial began, whatever it was refused
        self._more: Observation = subject.seen or Observation()
        self.in_vain: tuple[RefusedCall, ...] = ()  # what only root can do, by a program that no longer is

    def begin(self, choices: Sequence[Choice]) -> None:
        """A trial of these begins: what is refused is allowed beside them."""
        self._values = {item.id: item for item in choices}
        self._began = dict(self._values)

    def counts(self, denied: RefusedCall) -> bool:
        """Not what no choice of this trial can be to blame for: it is refused unchanged too, sooner or later."""
        if not self._values:
            return counts(denied)
        another, becoming = self._another_user(), denied.name.removesuffix("32") in _BECOMING
        if another and becoming and len(self.in_vain) < _MOST:
            self.in_vain = (*self.in_vain, denied)
        if denied.filtered:
            return counts(denied) and _FILTER in self._values and self._passed(denied)
        if another and becoming:
            return False
        if denied.lacked:
            before = self._subject.container.asked
            had = before.privileged or any(named((name,)) & bounding(before, self._engine) for name in denied.lacked)
            return had or self._limit(denied) is not None
        return denied.errno != errno.EROFS or bool(_READING & self._values.keys())

    def _passed(self, denied: RefusedCall) -> bool:
        """Whether what it has today lets it through, the default, a filter of its own or none, as far as is known."""
        facts: SeccompFacts | None = self._subject.of(_FILTER)
        abi = abi_named(denied.abi)
        today = None if facts is None else facts.origin or facts.default
        if today is None or abi is None:
            return True
        given = {place: Given(value) for place, value in enumerate(denied.values)}
        try:
            actions = today.answers(abi).actions(denied.name, given)
        except DecodeError:
            return True
        return actions is None or any(action.lets_through is not False for action in actions)

    def __call__(self, denied: RefusedCall) -> Loosening | None:
        """For certain where the kernel says which toggle it is; None where nothing of ours would help."""
        if denied.filtered:
            return self._call(denied)
        if denied.lacked and set(denied.lacked) <= FILES and self._another_user():
            return Loosening(_NO_GAIN, certain=True) if self._gained(denied) else self._file(denied.path)
        if denied.lacked and not self._held(denied.by):
            return self._low_ports() if denied.lacked == (_LOW_PORT,) else None
        if self._gained(denied):
            return Loosening(_NO_GAIN, certain=True)
        if denied.lacked == ("CAP_SYS_RESOURCE",):
            return self._limit(denied)
        if denied.lacked:
            return self._capability(denied.lacked)
        if denied.errno == errno.EROFS:
            return self._writing(denied.path)
        return None

    def _gained(self, denied: RefusedCall) -> bool:
        """Whether it had that right by a set-uid mark or capabilities of its file, which no-new-privileges ends."""
        if _NO_GAIN not in self._values or self._subject.seen is None:
            return False
        if denied.name == "execve":
            return denied.errno == errno.EPERM
        began = self._began.get(_CAPABILITIES)
        kept = None if began is None or began.value == "default" else set(began.value.split(","))
        used = {use.name for use in self._subject.seen.capabilities if denied.by in use.by}
        return bool(denied.lacked) and set(denied.lacked) <= used and (kept is None or set(denied.lacked) <= kept)

    def _limit(self, denied: RefusedCall) -> Loosening | None:
        """A limit that was raised above the one that it starts with, as PAM does for a session: prlimit(2)."""
        place = {"setrlimit": 0, "prlimit64": 1}.get(denied.name)
        number = denied.values[place] if place is not None and len(denied.values) > place else None
        name = f"ulimit-{_LIMITS.get(number or 0, '')}"
        return Loosening(name, certain=True) if name in self._values else None

    def _another_user(self) -> bool:
        return any(item.toggle.changes_users for item in self._values.values())

    def _file(self, path: str) -> Loosening | None:
        """A file permission error never justifies granting a capability: chown the container's own volume, or mount a
        tmpfs over a temporary folder.
        """
        own = [volume.target for volume in self._subject.own_volumes or () if within(path, volume.target)]
        for each in all_toggles():
            if own and each.hands_over and each.id not in self._values:
                return self._set(Choice(each, each.offered))
        folder = posixpath.dirname(path)
        if own or not in_temporary_place(folder):
            return None
        return self._tmpfs(folder)

    def _call(self, denied: RefusedCall) -> Loosening | None:
        if _FILTER not in self._values:
            return None
        if self._subject.seen is None:  # not a learned one
            return Loosening(_FILTER, certain=True)
        use = UsedCall(denied.abi, denied.name, 1, (denied.by,))
        self._more = added(self._more, Observation(calls=(use,)))
        chosen = self._values | {_FILTER: choice_of(_FILTER, self._word)}
        try:
            found = resolved(tuple(chosen.values()), replace(self._subject, seen=self._more), self._place)
        except ToggleError:
            return Loosening(_FILTER, certain=True)
        wider = next(item for item in found.choices if item.id == _FILTER)
        opening = self._opening(denied) if wider == self._values[_FILTER] and self._held(denied.by) else ()
        return self._capability(opening) if opening else Loosening(_FILTER, wider, certain=True)

    def _opening(self, denied: RefusedCall) -> tuple[str, ...]:
        """The capability with which the engine's default filter would let it through, which needs it as well."""
        choice, abi = self._values.get(_CAPABILITIES), abi_named(denied.abi)
        facts: SeccompFacts | None = self._subject.of(_FILTER)
        default = None if facts is None else facts.default
        if choice is None or choice.value == "default" or not isinstance(default, DefaultFilter) or abi is None:
            return ()
        kept = frozenset[str]() if choice.value == "none" else frozenset(choice.value.split(","))
        had = bounding(self._subject.container.asked, self._engine).names()
        given = {place: Given(value) for place, value in enumerate(denied.values)}
        for name in had:
            try:
                actions = replace(default, capabilities=kept | {name}).answers(abi).actions(denied.name, given)
            except DecodeError:
                return ()
            if name not in kept and actions and all(action.lets_through for action in actions):
                return (name,)
        return ()

    def _held(self, denied_by: str) -> bool:
        """Whether a capability that it may have is one that it has: Docker gives none to a user who is not root, unless
        the file of its program does. True also if that is not known.
        """
        giving = self._subject.set_uid
        if not self._another_user() or not is_docker(self._subject) or giving is None:
            return True
        return denied_by in {posixpath.basename(path) for path in giving}

    def _low_ports(self) -> Loosening | None:
        """Where it may bind them today, for its user by a setting of its own network."""
        had = named((_LOW_PORT,)) <= bounding(self._subject.container.asked, self._engine)
        return self._set(choice_of("sysctl", f"{PORT_START}=0")) if had else None

    def _capability(self, lacked: tuple[str, ...]) -> Loosening | None:
        """Only what it has today: a twin that asks for more is no reason to give it more."""
        before = self._subject.container.asked
        lacked = tuple(name for name in lacked if before.privileged or named((name,)) <= bounding(before, self._engine))
        if not lacked:
            return None
        choice = self._values.get(_CAPABILITIES)
        if choice is None:
            return None
        value = choice.value
        kept = () if value == "none" else tuple(value.split(","))
        if value == "default" or set(lacked) <= set(kept):
            return None  # it is refused for another reason
        wider = ",".join(dict.fromkeys((*kept, *lacked)))
        return self._set(Choice(choice.toggle, wider))

    def _writing(self, path: str) -> Loosening | None:
        if _READ_ONLY not in self._values:
            return None
        if not posixpath.isabs(path):
            return Loosening(_READ_ONLY)
        folder = posixpath.dirname(path)  # what lies elsewhere is data, and needs a place that lasts
        return self._tmpfs(folder) if in_temporary_place(folder) else Loosening(_READ_ONLY, certain=True)

    def _tmpfs(self, folder: str) -> Loosening | None:
        choice = self._values.get(_TMPFS)
        places = () if choice is None else tuple(choice.value.split(","))
        if folder in places:
            return None
        return self._set(choice_of(_TMPFS, ",".join((*places, folder))))

    def _set(self, choice: Choice) -> Loosening | None:
        try:
            choice = choice.checked(self._subject)
        except ToggleError:
            return None
        self._values[choice.id] = choice
        return Loosening(choice.id, choice, certain=True)

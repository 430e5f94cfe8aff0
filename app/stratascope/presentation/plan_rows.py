"""A plan's rows in words: what each changes, its evidence, and what flipping it does."""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan
from stratascope.core.relaunch.toggle import Choice, Proof, Proven, Unit, Use
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.text import exact_size
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.shared.devices import STANDARD_NODES
from stratascope.layers.shared.host_paths import socket_maker
from stratascope.value import Value

GROUPS = {
    ChangeKind.TAKE_BACK: (msg("Take back"), msg("granted beyond the engine's default")),
    ChangeKind.UNUSED: (msg("Not used"), msg("held by default")),
    ChangeKind.LIMIT: (msg("Limits and habits"), msg("usual values")),  # but see `limits_said`
    ChangeKind.GIVE: (msg("Give back"), msg("it gets more than it has now")),
}
_NAMED = 1  # capabilities of a row that are named rather than counted


def limits_said(changes: Iterable[Change]) -> Message:
    """Where the values of a plan's limits come from."""
    uses = [each.evidence.use for each in changes if each.kind is ChangeKind.LIMIT and each.choice.toggle.limit]
    if Use.MEASURED not in uses:
        return GROUPS[ChangeKind.LIMIT][1]
    if set(uses) == {Use.MEASURED}:
        return msg("at least twice the peak")
    return msg("twice the peak, where seen")


class Word(Value):
    """A row's evidence. `mark`: tick, ring, question, triangle, square or none; `ink`: its colour token."""

    text: Message
    mark: str
    ink: str


def evidence_word(change: Change, *, failed: bool = False) -> Word:
    """`failed`: a copy broke with it, so it is used."""
    if failed:
        return Word(msg("used"), "triangle", "weak")
    match change.evidence.use:
        case Use.USED:
            return Word(msg("used"), "triangle", "weak")
        case Use.NOT_USED:
            return Word(msg("not used"), "tick", "enf")
        case Use.NOT_IMPORTED:
            return Word(msg("not imported"), "ring", "enf")
        case Use.MEASURED:
            return Word(_peak(change.evidence.why), "", "text2")
    if change.evidence.rare:
        return Word(msg("rarely used"), "question", "unk")
    return Word(msg("unknown"), "question", "unk")


def proved_word(proof: Proof, *, tried: bool) -> Word:
    """How a change is known to be in force. `tried`: something was refused by it since."""
    if proof.outcome is not Proven.ENFORCED:
        return Word(msg("unknown"), "question", "unk")
    return Word(msg("tried, refused") if tried else msg("proved"), "square", "enf")


def _peak(why: Message) -> Message:
    """Of what was measured, or of that within a sentence about where."""
    value = next((value for _, value in why.args), None)
    if isinstance(value, Message):
        return _peak(value)
    return msg("measured") if value is None else msg("peak {value}", value=value)


def effect_text(change: Change) -> str:
    """What flipping it does to the exposure, all others as they stand."""
    if abs(change.effect) >= 0.05:
        return f"{'−' if change.effect > 0 else '+'}{abs(change.effect):.1f}"
    if change.shuts:
        return translate(msg("hidden"))
    return translate(msg("deeper")) if change.deeper else "–"


EFFECT_TOLD = msg("What flipping this switch does to the number, with all others as they stand. Switches overlap, so "
                  "these don't add up.")  # fmt: skip


def effect_spoken(change: Change) -> str:
    """The same for a screen reader."""
    if abs(change.effect) >= 0.05:
        sign = msg("minus {number}", number=f"{change.effect:.1f}")
        return translate(sign if change.effect > 0 else msg("plus {number}", number=f"{-change.effect:.1f}"))
    if change.shuts:
        return translate(msg("hidden"))
    return translate(msg("more layers stop the same") if change.deeper else msg("stops nothing more"))


def takes_values(choice: Choice) -> bool:
    """Whether there is anything to choose: more than one word, or words of one's own."""
    which = choice.toggle
    if choice.value.startswith("/") and which.placeholder != "FILE":  # its title names it
        return False
    return which.single is None and (len(which.words) > 1 or bool(which.placeholder)) and not choice.gives


def value_text(choice: Choice) -> str:
    """A value for its pull-down: 512 MiB; empty for one that is too long to be read there."""
    which, value = choice.toggle, choice.value
    if which.unit is Unit.BYTES and value.isascii() and value.isdigit() and value != "0":
        return exact_size(int(value))
    if (
        choice.id == "host-paths"
        or which.unit in (Unit.CAPABILITIES, Unit.PATHS)
        or which.placeholder in ("FILE", "NAME")
    ):
        return ""
    one, _, two = value.partition(":")
    return plain(one if one == two else value, 40)


def in_force_title(choice: Choice) -> str:
    """The same of what is in force since a relaunch: of how many it took them back is not read any more."""
    if choice.id == "drop":
        return plain(translate(_capabilities(choice, None)), 200)
    return plain(translate(_host_paths(choice, None) if choice.id == "host-paths" else choice.titled), 200)


def in_force_value(choice: Choice) -> str:
    """Its value beside it; of capabilities, how many are kept."""
    names = [name for name in choice.value.split(",") if name and name not in choice.toggle.words]
    if choice.id == "capabilities" and names and not choice.made:
        return translate(plural("keeps {count}", "keeps {count}", len(names)))
    return value_text(choice) if takes_values(choice) else ""


def row_title(change: Change, state: ContainerState | None) -> str:
    """What it changes, in a few words; its value stands beside it."""
    return plain(translate(_title(change, state)), 200)


def row_words(change: Change, state: ContainerState | None) -> str:
    """The same with its value, where there is one to choose."""
    title, value = row_title(change, state), value_text(change.choice) if takes_values(change.choice) else ""
    return translate(colon(title, value)) if value else title


def _title(change: Change, state: ContainerState | None) -> Message:
    choice = change.choice
    if not choice.gives:
        if change.calls:
            return plural("Block {count} system call", "Block {count} system calls", change.calls)
        if choice.id == "devices" or choice.toggle.leaves_privileged:
            return _devices(change, state)
    return choice_title(choice, state)


def choice_title(choice: Choice, state: ContainerState | None) -> Message:
    """The same of a choice, where no row tells how much it takes back."""
    if choice.gives:
        return choice.told
    if choice.id in ("capabilities", "drop"):
        return _capabilities(choice, state)
    if choice.id == "engine-socket":
        return _socket(state)
    return _host_paths(choice, state) if choice.id == "host-paths" else choice.titled


def _host_paths(choice: Choice, state: ContainerState | None) -> Message:
    """With the path, where it is one alone."""
    path = choice.readable if choice.value.startswith("/") else ""
    if choice.value == "read-only":
        path = _only_bind(state)
    return msg("Make {path} read-only", path=path) if path else choice.titled


def _devices(change: Change, state: ContainerState | None) -> Message:
    """Of those that it was given, or of the host's, which a privileged container has."""
    choice, has = change.choice, _devices_of(state)
    kept = sum(len(each.value.split(",")) for each in change.choices[1:] if each.id == "devices")
    if choice.toggle.leaves_privileged:
        if not kept:
            return choice.titled
        if has < kept:
            return plural("Remove --privileged, keep {count} device", "Remove --privileged, keep {count} devices", kept)
        return msg("Remove --privileged, keep {count} of {all} devices", count=kept, all=has)
    if not has or kept > has:
        return choice.titled
    if kept:
        return msg("Keep {count} of {all} devices", count=kept, all=has)
    return plural("Remove {count} device", "Remove {count} devices", has)


def _devices_of(state: ContainerState | None) -> int:
    if state is None or not state.container.asked.privileged:
        return 0 if state is None else len(state.container.asked.devices)
    for layer in state.layers:
        view = layer.facts.mounts if isinstance(layer.facts, NamespacesFacts) else None
        if view is not None and view.special is not None and view.special.whole:
            nodes = {each.path for each in view.special.files if each.kind in ("b", "c")}
            return len({path for path in nodes if path.startswith("/dev/")} - STANDARD_NODES)
    return 0


def _capabilities(choice: Choice, state: ContainerState | None) -> Message:
    names = [name for name in choice.value.split(",") if name and name not in choice.toggle.words]
    has = _held(state)
    if choice.id == "drop":
        if len(names) <= _NAMED:
            return msg("Drop {name}", name=choice.readable)
        gone = len(names)
        if state is not None and state.container.asked.privileged:  # of those that are left then
            has = 0
    elif choice.value == "none":
        gone = has
    elif names and not choice.made:
        gone = has - len(names)
    else:
        return msg("Drop unused capabilities")
    if has < gone or gone <= 0:
        return plural("Drop {count} capability", "Drop {count} capabilities", max(gone, len(names)))
    return msg("Drop {count} of {all} capabilities", count=gone, all=has)


def _held(state: ContainerState | None) -> int:
    """How many its processes could get, as far as it was read."""
    for layer in () if state is None else state.layers:
        if isinstance(layer.facts, CapabilityFacts) and layer.facts.bounding is not None:
            return len(layer.facts.bounding.names())
    return 0


def keeping_text(change: Change, plan: HardeningPlan, state: ContainerState | None) -> Message:
    """That the plan stays critical by this row of `keeping`."""
    then = f"{plan.then.exposure.worst:.1f}"
    if change.on:  # but for what goes along
        return msg("It stays {then} by what is kept: {change}.", then=then, change=change.choices[1].told)
    return msg("It stays {then} because this is off: {change}.", then=then, change=row_title(change, state))


def _only_bind(state: ContainerState | None) -> str:
    """Where its only writable path of the host is mounted, if no other comes into question."""
    mounts = () if state is None else state.container.asked.mounts
    binds = [each for each in mounts if each.kind == "bind" and each.writable and not socket_maker(each.source)]
    return binds[0].target if len(binds) == 1 else ""


def _socket(state: ContainerState | None) -> Message:
    mounts = () if state is None else state.container.asked.mounts
    paths = (*(mount.source for mount in mounts), *(mount.target for mount in mounts))  # on the host, or else inside
    maker = next(filter(None, map(socket_maker, paths)), "")
    return msg("Remove the {engine} socket", engine=maker) if maker else msg("Remove the engine socket")

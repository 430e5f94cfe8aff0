"""What hardening offers for one container, the effect of a choice, and what a choice fails to do, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratascope.core.history.entry import Limits
from stratascope.core.layer import Finding, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.hardening_plan import ChangeKind, HardeningPlan
from stratascope.core.relaunch.toggle import Choice, Preset, Proof, Toggle
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value

_WORTH = 0.1  # of exposure; no more than that is not worth a relaunch


class Option(Value):
    """One toggle for one container. `gains`: how many more threats it stops, or stops by one more layer, alone."""

    toggle: Toggle
    value: str  # set to this when switched on: the preset's value, else a sensible one
    already: bool  # in effect now: shown as on, and can't be switched
    why_not: Message | None  # impossible with this engine or container
    gains: int
    piece: bool = False  # its value is one of several of that toggle, each offered individually
    mends: tuple[Finding, ...] = ()  # findings of the container that would be gone
    closes: tuple[str, ...] = ()  # serious threats (ids) that are open now, and that it stops alone

    @property
    def choice(self) -> Choice:
        """What it switches on."""
        return Choice(self.toggle, self.value)

    @property
    def key(self) -> str:
        """Distinguishes it from the others."""
        return str(self.choice) if self.piece else self.toggle.id

    def mends_finding(self, finding: Finding) -> bool:
        """Whether it resolves that finding, also when shown with its milder text."""
        return any(each.code == finding.code and finding.text in (each.text, each.milder) for each in self.mends)

    @property
    def title(self) -> Message:
        """What it does, as shown on its row."""
        return self.choice.titled


class LayerChange(Value):
    """One layer's verdict now and predicted, and how many more threats it stops; `closed`: how many of those nothing
    stopped before.
    """

    layer: str
    number: int
    before: Verdict
    after: Verdict
    more: int
    closed: int = 0


class Preview(Value):
    """The effect of the choices, before anything happens. What can't be predicted is unknown in `after` too.

    `unrestricted`: what violates the level "restricted" of the Pod Security Standards even so.
    """

    before: Matrix
    after: Matrix
    layers: tuple[LayerChange, ...]
    live: bool  # only limits change: the engine can do it without a relaunch
    differences: tuple[Message, ...]  # between the launch specs, in words
    unrestricted: tuple[Finding, ...] = ()
    as_root: bool = False  # its first program starts as root inside
    allows: bool = False  # all of it gives more, and takes nothing away

    @property
    def in_vain(self) -> bool:
        """Whether something serious is open now, and none of it is closed, or the exposure is about the same."""
        closed = [
            then.outcome is Outcome.STOPPED
            for now, then in zip(self.before.threats, self.after.threats, strict=True)
            if now.outcome is Outcome.OPEN and now.threat.severity in SERIOUS
        ]
        lower = round(self.before.exposure.worst - self.after.exposure.worst, 1)
        return bool(closed) and (not any(closed) or lower <= _WORTH)


class InForce(Value):
    """A change that a relaunch has made, and what is read of it now."""

    choice: Choice
    kind: ChangeKind
    proof: Proof


class Offer(Value):
    """Every toggle's state for one container, and its plan; None if nothing of it could be read. `in_force`: what its
    last relaunch has changed, and still is so.
    """

    options: tuple[Option, ...]
    plan: HardeningPlan | None = None
    in_force: tuple[InForce, ...] = ()

    def mending(self, finding: Finding, on: frozenset[str] = frozenset()) -> Option | None:
        """The switch that resolves it: one that is on, else the one with the fewest other effects. None:
        there is none.
        """
        return self._least(on, lambda option: option.mends_finding(finding))

    def closing(self, threat: str, on: frozenset[str] = frozenset()) -> Option | None:
        """The switch that closes that serious threat (its id), selected likewise."""
        return self._least(on, lambda option: threat in option.closes)

    def limiting(self, measure: str) -> Option | None:
        """The switch that limits it (`Toggle.measure`), if nothing does now."""
        return self._least(frozenset(), lambda option: option.toggle.measure == measure)

    @property
    def proposed(self) -> Limits:
        """The limits of its plan, on or off: from usage, or from what this machine has."""
        found: dict[str, float] = {}
        for change in () if self.plan is None else self.plan.changes:
            measure, value = change.choice.toggle.measure, change.choice.value
            if measure in ("memory", "pids", "cpu"):
                found[measure] = float(value)
        memory, pids = found.get("memory"), found.get("pids")
        return Limits(None if memory is None else int(memory), None if pids is None else int(pids), found.get("cpu"))

    def _least(self, on: frozenset[str], does: Callable[[Option], bool]) -> Option | None:
        able = (each for each in self.options if each.why_not is None and not each.already)

        def most_of(option: Option) -> tuple[bool, bool, bool, int, int]:
            which = option.toggle
            return option.key not in on, which.reaches, which.changes_users, len(option.mends), option.gains

        return min(filter(does, able), key=most_of, default=None)


_NAMED_AFTER = (Preset.RESTRICTED, Preset.STRICT)


def shortfalls(
    preview: Preview, preset: Preset | None, plan: HardeningPlan | None = None, unmet: Sequence[Finding] = ()
) -> tuple[Message, ...]:
    """What the choices of that preset do not do, one sentence per line. `unmet`: what offends a standard even so."""
    found = []
    if preview.in_vain and preview.differences:
        found.append(in_vain(preview))
    if preview.after.open(Severity.CRITICAL):
        found.append(msg("It could still take over this machine."))
    if preset is not None and plan is not None:
        for change in plan.in_use:
            title = change.choice.titled
            found.append(msg("Not included, as it is in use: {title}. {why}", title=title, why=change.evidence.why))
    if preset in _NAMED_AFTER and (preview.unrestricted or preview.as_root):
        found.append(msg("This is not yet what the Pod Security Standards call Restricted:"))
        if preview.as_root:
            found.append(_AS_ROOT)
        found += [each.text for each in preview.unrestricted]
    if unmet or (preset is Preset.PSS_RESTRICTED and preview.as_root):
        found.append(msg("It does not match the standard yet:"))
        if preset is Preset.PSS_RESTRICTED and preview.as_root:
            found.append(_AS_ROOT)
        found += [each.text for each in unmet]
    if preset is Preset.CRITICAL:
        left = () if plan is None else plan.left
        if left:
            found.append(msg("The plan leaves open:"))
            found += [each.threat.title for each in left]
        elif not preview.differences:
            found.append(msg("Nothing critical or serious is open, so there is nothing to close."))
    return tuple(found)


_AS_ROOT = msg("It still starts as root. If its program can do without, choose another user: user=UID.")


def in_vain(preview: Preview) -> Message:
    """That nothing improves, with both numbers."""
    now, then = (f"{each.exposure.worst:.1f}" for each in (preview.before, preview.after))
    if preview.allows:
        return msg("This allows more and doesn't lower the risk: {now} now, {then} then.", now=now, then=then)
    if preview.before.open(Severity.CRITICAL):
        return msg("This doesn't lower the risk: {now} now, {then} then.", now=now, then=then)
    return msg("This closes nothing serious: exposure {now} now, {then} then.", now=now, then=then)

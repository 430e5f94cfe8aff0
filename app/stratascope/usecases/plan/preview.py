"""The effect of hardening, before anything happens: options, presets, previews.

A preview is computed like everything else: wanted options, predicted facts, assessments, postures, depth. What can't be
predicted is unknown there too. Needs no engine, so it works for the demo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from stratascope.core.container import Asked, Engine
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.layer import Finding, Layer, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.observation.imports import Programs
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan, Wanted
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.owner import has_owner
from stratascope.core.relaunch.toggle import Choice, Preset, Proven, Subject, Toggle, ToggleError
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.layers.seccomp.facts import passing
from stratascope.layers.seccomp.toggles import SECCOMP
from stratascope.layers.shared.toggle_values import NOT_READ
from stratascope.layers.toggles import all_live, all_toggles, brought_by, fold, plain
from stratascope.usecases.plan.choices import PathOf, preset_choices, resolved
from stratascope.usecases.plan.critical_grants import critical_grants
from stratascope.usecases.plan.offers import InForce, LayerChange, Offer, Option, Preview
from stratascope.usecases.plan.pieces import graded, merged, pieces_of
from stratascope.usecases.plan.prediction import Prediction
from stratascope.usecases.plan.standards import STANDARDS, Standard, standard
from stratascope.usecases.plan.suggested import Judge, WhyNot, as_wanted, kind_of, suggested, up_to_serious
from stratascope.value import Value, replace

SubjectOf = Callable[[ContainerState, Sequence[Choice], Sequence[FileChange] | None], Subject]

_RESTRICTED = ("PSS:baseline", "PSS:restricted")  # "restricted" includes all of "baseline"
_UNREAD = msg("Nothing about it could be read, so the effect of a change can't be predicted.")
_WORTH = 0.1  # of exposure that a further toggle must remove to be suggested


class Inside(Value):
    """What is known of a container in addition to its state. `changes`: what it wrote, `programs`: what its programs
    import, None: not read; `environment`: the values of its variables; `listens`: its TCP ports, None: not known.
    """

    UNPRINTED = ("environment",)

    changes: Sequence[FileChange] | None = None
    programs: Programs | None = None
    environment: tuple[str, ...] = ()
    listens: tuple[int, ...] | None = None


UNSEEN = Inside()


class Previews:
    """For the containers of one engine. `subject_of` returns a container as toggles see it."""

    def __init__(
        self,
        layers: tuple[Layer, ...],
        ground: Ground,
        engine: Engine,
        subject_of: SubjectOf,
        place: PathOf = lambda text: "",
        why_not: WhyNot | None = None,
    ) -> None:
        """`place`: returns the path for a filter derived from needs; `why_not`: why a choice can't be carried out where
        they come from, if so: by default for those that run, whose replacement has to be verified.
        """
        self._why_not = why_not
        self._layers, self._around, self._subject_of = layers, Surroundings(ground, engine), subject_of
        self._place = place
        # of the container that was asked about last: both follow from what they are held with, and nothing else
        self._last: Prediction | None = None
        self._planned: tuple[Prediction, Subject, HardeningPlan] | None = None

    def offer(self, state: ContainerState, inside: Inside = UNSEEN) -> Offer:
        """Every toggle, and the plan."""
        subject, prediction = self._subject(state, inside), self._prediction(state)
        plan = self._suggested(prediction, subject)
        values = dict[str, str]()
        for change in reversed(() if plan is None else plan.changes):
            values[change.choice.id] = change.choice.value
        values |= {} if plan is None else {choice.id: choice.value for choice in plan.choices}
        options: list[Option] = []
        for item in all_toggles():
            if item.only_gives:
                continue
            if item.single is None:
                options.append(self._option(prediction, subject, item, values))
            else:
                pieces = filter(None, values.get(item.id, "").split(","))
                options += (self._option(prediction, subject, item, values, piece) for piece in pieces)
        options += self._further_pieces(prediction, subject, options, values)
        return Offer(tuple(options), plan)

    def in_force(
        self, state: ContainerState, choices: Sequence[Choice], inside: Inside = UNSEEN
    ) -> tuple[InForce, ...]:
        """Those of the choices, which a relaunch has made, that are so, or of which that can't be told, by head."""
        subject = self._subject(state, inside)
        found = (
            InForce(choice, kind_of(choice, subject), choice.prove(subject.of(choice.toggle.layer), subject))
            for choice in choices
        )
        kinds = list(ChangeKind)
        there = (each for each in found if each.proof.outcome is not Proven.NOT_ENFORCED)
        return tuple(sorted(there, key=lambda each: kinds.index(each.kind)))

    def preset(self, state: ContainerState, preset: Preset, inside: Inside = UNSEEN) -> tuple[Choice, ...]:
        """The preset's choices here; none if nothing of the container could be read."""
        subject, prediction = self._subject(state, inside), self._prediction(state)
        plan = self._suggested(prediction, subject)
        if plan is None:
            return ()
        if preset is Preset.CRITICAL:
            return self._critical(prediction, subject, plan)
        if preset in STANDARDS:
            return self._standard(preset, prediction, subject, plan).choices
        return plan.choices if preset is Preset.RECOMMENDED else preset_choices(preset, subject, _taken_back(plan))

    def standards(
        self, state: ContainerState, inside: Inside = UNSEEN, which: Sequence[Preset] = STANDARDS
    ) -> tuple[Standard, ...]:
        """What it takes to match each of these. Raises ToggleError if nothing of the container could be read."""
        subject, prediction = self._subject(state, inside), self._prediction(state)
        plan = self._suggested(prediction, subject)
        if plan is None:
            raise ToggleError(_UNREAD)
        return tuple(self._standard(preset, prediction, subject, plan) for preset in which)

    def plan(self, state: ContainerState, inside: Inside = UNSEEN, wanted: Wanted | None = None) -> HardeningPlan:
        """What would be changed, in order, and why; as a person wants it, if so. Raises ToggleError if nothing of the
        container could be read, or a wanted value can't be.
        """
        prediction, subject = self._prediction(state), self._subject(state, inside)
        found, now = self._suggested(prediction, subject), prediction.state.matrix
        if found is None or now is None:
            raise ToggleError(_UNREAD)
        if wanted is None:
            return found
        plan = as_wanted(found, wanted, subject, self._judge(prediction, subject, now))
        return self._with_calls(plan, prediction, subject)

    def planned(self, state: ContainerState, subject: Subject) -> HardeningPlan | None:
        """The plan by this that is known of the container; None if nothing of it could be read."""
        return self._suggested(self._prediction(state), subject)

    def _suggested(self, prediction: Prediction, subject: Subject) -> HardeningPlan | None:
        """None if nothing of the container could be read."""
        now, known = prediction.state.matrix, self._planned
        if now is None:
            return None
        if known is None or known[0] is not prediction or known[1] != subject:
            known = self._planned = prediction, subject, self._made(prediction, subject, now)
        return known[2]

    def _made(self, prediction: Prediction, subject: Subject, now: Matrix) -> HardeningPlan:
        def opening(pieces: Sequence[Choice]) -> frozenset[Choice]:
            return critical_grants(prediction, subject, pieces)

        why_not = self._not_planned(subject)
        plan = suggested(subject, pieces_of(subject), self._judge(prediction, subject, now), opening, why_not)
        return self._with_calls(plan, prediction, subject)

    def _with_calls(self, plan: HardeningPlan, prediction: Prediction, subject: Subject) -> HardeningPlan:
        """Its filter's row with how many calls that blocks."""
        now = passing(next((each.facts for each in prediction.state.layers if each.id == SECCOMP.layer), None))

        def counted(row: Change) -> Change:
            if now is None or row.choice.toggle is not SECCOMP or row.choice.gives:
                return row
            try:
                _, after, files = self._plain(merged((*plan.choices, *row.choices)), subject)
            except ToggleError:
                return row  # it can't be had together with the others
            predicted = prediction.with_files(files).of(after)
            then = passing(next((each.facts for each in predicted if each.layer.id == SECCOMP.layer), None))
            return row if then is None else replace(row, calls=max(0, now - then))

        return replace(plan, changes=tuple(map(counted, plan.changes)))

    def _not_planned(self, subject: Subject) -> WhyNot:
        return self._why_not or (lambda choice: _unverifiable(choice, subject))

    def _critical(self, prediction: Prediction, subject: Subject, plan: HardeningPlan) -> tuple[Choice, ...]:
        return up_to_serious(plan, self._judge(prediction, subject, plan.now), subject)

    def _standard(self, preset: Preset, prediction: Prediction, subject: Subject, plan: HardeningPlan) -> Standard:
        def mends(chosen: Sequence[Choice], finding: Finding) -> bool:
            try:
                _, after, files = self._plain(chosen, subject)
            except ToggleError:
                return False  # not possible together
            return prediction.with_files(files).mends(after, finding)

        findings = (each for layer in prediction.state.layers for each in layer.assessment.findings)
        why_not = self._not_planned(subject)
        pieces = [each for each in pieces_of(subject) if why_not(each) is None]
        return standard(preset, plan, findings, pieces, subject, mends)

    def _judge(self, prediction: Prediction, subject: Subject, now: Matrix) -> Judge:
        def judge(chosen: Sequence[Choice]) -> Matrix:
            if not chosen:
                return now
            _, after, files = self._plain(chosen, subject)
            there = prediction.with_files(files)
            return there.matrix(there.of(after))

        return judge

    def preview(
        self, state: ContainerState, chosen: Sequence[Choice], files: tuple[tuple[str, str], ...] = ()
    ) -> Preview:
        """`files`: path and text of files that the choices name and that are not written yet. Raises ToggleError, also
        if nothing of the container could be read.
        """
        if state.gap is not None:
            raise ToggleError(_UNREAD)
        subject = self._subject_of(state, chosen, None)
        return self._preview(self._prediction(state), chosen, replace(subject, files=(*subject.files, *files)))

    # -- internal

    def _subject(self, state: ContainerState, inside: Inside) -> Subject:
        subject = self._subject_of(state, (), inside.changes)
        return replace(
            subject,
            programs=inside.programs,
            environment=inside.environment or subject.environment,
            listens=inside.listens,
        )

    def _prediction(self, state: ContainerState) -> Prediction:
        last = self._last
        if last is None or last.state is not state:
            last = self._last = Prediction(self._layers, replace(self._around, peers=state.peers), state)
        return last

    def _plain(
        self, chosen: Sequence[Choice], subject: Subject
    ) -> tuple[tuple[Choice, ...], Asked, tuple[tuple[str, str], ...]]:
        """The choices with values, the options that result, and the files that they name."""
        learned = resolved(chosen, subject, self._place)
        subject = replace(subject, files=(*subject.files, *learned.files))
        wanted = plain(learned.choices, subject)
        return wanted, fold(subject.container.asked, wanted, subject), subject.files

    def _preview(self, prediction: Prediction, chosen: Sequence[Choice], subject: Subject) -> Preview:
        state = prediction.state
        wanted, after, files = self._plain(chosen, subject)
        prediction = prediction.with_files(files)
        predicted = prediction.of(after)
        matrix = prediction.matrix(predicted)
        assessments = {
            each.layer.id: each.layer.assessed(each.facts, each.asked, prediction.around)
            for each in predicted
            if each.facts is not None
        }
        now = state.matrix if state.matrix is not None else matrix
        changes = tuple(
            LayerChange(
                layer.id,
                layer.number,
                old.assessment.verdict,
                assessments[layer.id].verdict if layer.id in assessments else Verdict.UNKNOWN,
                *_more(now, matrix, layer.id),
            )
            for layer, old in zip(self._layers, state.layers, strict=True)
        )
        said = tuple(_said(item) for item in wanted)
        live = all_live(wanted) and not has_owner(state.container)  # an owner would revert it the next time it acts
        findings = (finding for each in assessments.values() for finding in each.findings)
        forbidden = tuple(each for each in findings if any(ref in _RESTRICTED for ref in each.refs))
        allows = bool(wanted) and all(item.gives for item in wanted)
        return Preview(now, matrix, changes, live, said, forbidden, starts_as_root(after), allows)

    def _option(
        self,
        prediction: Prediction,
        subject: Subject,
        item: Toggle,
        planned: dict[str, str],
        piece: str = "",
    ) -> Option:
        value = piece or planned.get(item.id, "") or graded(item, subject)
        value = value or item.proposed(subject) or item.offered
        # a limit that the plan would lower is not in effect as the plan wants it
        already = item.on(subject.container.asked, subject) and item.id not in planned
        why_not: Message | None = None
        better, mends = tuple[ThreatState, ...](), tuple[Finding, ...]()
        try:
            value = item.check(value, subject)
            why_not = None if already or self._why_not is None else self._why_not(Choice(item, value))
            if not already and why_not is None:
                better, mends = self._gain(prediction, (Choice(item, value), *brought_by(item)), subject)
        except ToggleError as error:  # asked for by the container, too, it would not be in effect
            why_not, already = error.message, False
        closes = tuple(
            each.threat.id for each in better if each.threat.severity in SERIOUS and each.outcome is Outcome.OPEN
        )
        return Option(item, value, already, why_not, len(better), bool(piece), mends, closes)

    def _further_pieces(
        self,
        prediction: Prediction,
        subject: Subject,
        existing: Sequence[Option],
        planned: dict[str, str],
    ) -> Iterator[Option]:
        """Single values that resolve a serious finding that no existing option does."""
        for finding in (each for layer in prediction.state.layers for each in layer.assessment.findings):
            mended = any(option.mends_finding(finding) and not option.toggle.changes_users for option in existing)
            if mended or finding.severity not in SERIOUS:
                continue
            for item in all_toggles():
                if item.layer != finding.layer or item.single is None or item.pieces is None:
                    continue
                pieces = (
                    each for each in item.pieces(subject) if prediction.mends(self._after(each, item, subject), finding)
                )
                piece = next(pieces, None)
                if piece is not None:
                    yield self._option(prediction, subject, item, planned, piece)
                    break

    def _after(self, value: str, item: Toggle, subject: Subject) -> Asked:
        return self._plain((Choice(item, value),), subject)[1]

    def _gain(
        self, prediction: Prediction, chosen: Sequence[Choice], subject: Subject
    ) -> tuple[tuple[ThreatState, ...], tuple[Finding, ...]]:
        """Threats that are stopped better than now, and findings that would be gone."""
        now = prediction.state.matrix
        if now is None:
            return (), ()
        _, after, files = self._plain(chosen, subject)
        prediction = prediction.with_files(files)
        predicted = prediction.of(after)
        matrix = prediction.matrix(predicted)
        better = tuple(old for old, new in zip(now.threats, matrix.threats, strict=True) if _better(old, new))
        return better, tuple(prediction.mended(predicted))


def _taken_back(plan: HardeningPlan) -> tuple[Choice, ...]:
    """What every preset takes back."""
    return merged(
        each for change in plan.changes if change.on and change.kind is ChangeKind.TAKE_BACK for each in change.choices
    )


def _said(item: Choice) -> Message:
    which = item.toggle
    if item.gives:
        # the title says what is taken, and would read "Fewer capabilities: +SYS_TIME"
        if which.word is not None:
            return msg("{setting}: {value}. It gets more than it has now.", setting=which.word, value=item.readable)
        return msg("{choice}: it gets more than it has now.", choice=f"{item.id}={item.readable}")
    return msg("{told}. {what}", told=item.told, what=which.what)


def _better(old: ThreatState, new: ThreatState) -> bool:
    if old is new:
        return False
    if old.outcome is not new.outcome:
        return new.outcome is Outcome.STOPPED
    return new.depth[0] > old.depth[0]


def _more(before: Matrix, after: Matrix, layer: str) -> tuple[int, int]:
    """How many more threats that layer stops, and how many of those nothing stopped before."""
    more = [
        old
        for old, new in zip(before.threats, after.threats, strict=True)
        if old is not new and new.stance(layer) is Stance.STOPS and old.stance(layer) is not Stance.STOPS
    ]
    return len(more), sum(old.outcome is not Outcome.STOPPED for old in more)


def _unverifiable(choice: Choice, subject: Subject) -> Message | None:
    """Whether what /proc says of it can't be read of a container that runs: its replacement would be rolled back."""
    facts = subject.of(choice.toggle.layer)
    if facts is None or choice.toggle.hands_over:
        return None
    proof = choice.prove(facts, subject)
    if proof.outcome is not Proven.UNKNOWN or proof.found != NOT_READ:
        return None
    return msg("Whether it is in force can't be read here: run stratascope as root.")

"""Words of hardening in the window: presets, values, endings, proofs, times. Pure, no Qt."""

from __future__ import annotations

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Preset, Proven, ToggleError, Unit
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.sizes import exact_size, size_text
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.linux.capability import LAST
from stratascope.presentation.relaunch_words import RunKind
from stratascope.presentation.threat_outcomes import Protection, protections
from stratascope.ui.kit.exposure_words import best_text, number_text
from stratascope.ui.kit.marks import Mark
from stratascope.usecases.plan.offers import Asking, Option, Preview

GRID_SIZE = LAST + 1


def preset_word(preset: Preset | None) -> str:
    """A preset in a word; None is the person's own choice."""
    words: dict[Preset | None, Message] = {
        Preset.RECOMMENDED: msg("Recommended"),
        Preset.RESTRICTED: msg("Restricted"),
        Preset.STRICT: msg("Strict"),
        None: msg("Custom"),
    }
    return translate(words[preset])


def preset_tip(preset: Preset | None) -> str:
    """What it chooses."""
    words: dict[Preset | None, Message] = {
        Preset.RECOMMENDED: msg("Takes away what this container very probably does not need."),
        Preset.RESTRICTED: msg("What the Pod Security Standards call Restricted, and everything in Recommended."),
        Preset.STRICT: msg("Everything available. Expect to give something back."),
        None: msg("The settings that you switched on yourself."),
    }
    return translate(words[preset])


def toggle_title(name: str, value: str = "") -> str:
    """The title of a toggle with that value; a journal of a later version may name one that is not known here."""
    try:
        return translate(toggle(name).named(value))
    except ToggleError:
        return plain(name, 60)


def human(option: Option, value: str) -> str:
    """A value for reading: 512 MiB, 3 of 41; else as it is typed."""
    which = option.toggle
    if which.unit is Unit.BYTES and value.isascii() and value.isdigit() and value != "0":
        return exact_size(int(value))
    if which.unit is Unit.CAPABILITIES and value not in which.words:
        return translate(msg("{count} of {all}", count=len([n for n in value.split(",") if n]), all=GRID_SIZE))
    return plain(value, 200)


def bytes_text(size: int | None) -> str:
    """A size to be read, rounded; a dash where it is not known."""
    return "–" if size is None else size_text(size)


def gain_text(option: Option) -> str:
    """How much it brings alone."""
    if option.already:
        return translate(msg("In effect now"))
    if option.gains <= 0:
        return translate(msg("Stops nothing more here"))
    if option.serious:
        return translate(
            plural("Stops {count}, {serious} serious", "Stops {count}, {serious} serious", option.gains,
                   serious=option.serious)
        )  # fmt: skip
    return translate(plural("Stops {count}", "Stops {count}", option.gains))


def note_text(option: Option) -> str:
    """The second line of a toggle's row: what it brings, what it would open, or why it can't be had."""
    if option.why_not is not None:
        return translate(option.why_not)
    return gain_text(option) if option.asking is None else asking_text(option.asking)


def asking_text(asking: Asking) -> str:
    """What it would open."""
    if asking.opened is None:
        return translate(msg("What it would open can't be predicted"))
    if not asking.opened:
        return translate(msg("Opens no threat"))
    return translate(plural("Opens {count} threat", "Opens {count} threats", asking.opened))


_WANTED = msg("It was refused this while it was watched.")


def whole_text(option: Option) -> str:
    """All of it, for the tooltip and the ear."""
    if option.asking is not None:  # what the toggle is for is the opposite
        return "\n".join((translate(_WANTED), asking_text(option.asking)))
    lines = [translate(option.toggle.what)]
    if option.why_not is not None:
        lines.append(translate(option.why_not))
    else:
        lines.append(gain_text(option))
        if not option.already:
            lines.extend(translate(risk) for risk in option.risks)
    return "\n".join(lines)


PROVEN_MARK = {Proven.ENFORCED: Mark.ENFORCED, Proven.NOT_ENFORCED: Mark.OPEN, Proven.UNKNOWN: Mark.UNKNOWN}
PROVEN_INK = {Proven.ENFORCED: "enf", Proven.NOT_ENFORCED: "open", Proven.UNKNOWN: "unk"}


def go_text(preview: Preview | None) -> Message:
    """On the button that does it."""
    if preview is not None and preview.live:
        return msg("Change limits")
    return msg("Relaunch") if preview is not None and preview.allows else msg("Relaunch hardened")


def question_title(run_kind: RunKind, name: str) -> str:
    """Before it begins."""
    words = {
        RunKind.HARDEN: msg("Relaunch {name} hardened?", name=name),
        RunKind.ALLOW: msg("Relaunch {name} with more permissions?", name=name),
        RunKind.UNDO: msg("Bring back the original of {name}?", name=name),
        RunKind.REDO: msg("Go back to the hardened {name}?", name=name),
    }
    return translate(words[run_kind])


def running_title(run_kind: RunKind, name: str) -> str:
    """While it runs."""
    words = {
        RunKind.HARDEN: msg("Relaunching {name}…", name=name),
        RunKind.ALLOW: msg("Relaunching {name}…", name=name),
        RunKind.UNDO: msg("Undoing {name}…", name=name),
        RunKind.REDO: msg("Going back to the hardened {name}…", name=name),
    }
    return translate(words[run_kind])


def seconds_text(seconds: float) -> str:
    """A duration: 0.2 s; below a tenth "<0.1 s"."""
    if seconds < 0.05:
        return translate(msg("<0.1 s"))
    return translate(msg("{seconds} s", seconds=f"{seconds:.1f}"))


def since_text(seconds: float) -> str:
    """How long ago, roughly."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 1:
        return translate(msg("just now"))
    if minutes < 60:
        return translate(plural("{count} minute ago", "{count} minutes ago", minutes))
    if minutes < 60 * 48:
        return translate(plural("{count} hour ago", "{count} hours ago", minutes // 60))
    return translate(plural("{count} day ago", "{count} days ago", minutes // (60 * 24)))


# Segments of the two bars, in order: name of the part, colour token
SEGMENTS = ("open", "weak", "barlow", "unk", "ray2", "ray")


def segments(matrix: Matrix) -> tuple[int, ...]:
    """Numbers of threats as in SEGMENTS: serious, medium, minor open; not known; stopped once; twice or more."""
    serious = medium = minor = 0
    for state in matrix.threats:
        if state.outcome is Outcome.OPEN:
            severity = state.threat.severity
            serious += severity in (Severity.CRITICAL, Severity.HIGH)
            medium += severity is Severity.MEDIUM
            minor += severity is Severity.LOW
    found = protections(matrix)
    once = found[Protection.ONCE] + found[Protection.HOST]
    return serious, medium, minor, found[Protection.UNKNOWN], once, found[Protection.DEEPER]


def segments_sentence(matrix: Matrix) -> str:
    """A bar for the ear and the tooltip."""
    serious, medium, minor, unknown, once, deeper = segments(matrix)
    return translate(
        msg(
            "{serious} serious, {medium} medium and {minor} minor open, {unknown} not known, {once} stopped once, "
            "{deeper} stopped twice or more",
            serious=serious, medium=medium, minor=minor, unknown=unknown, once=once, deeper=deeper,
        )
    )  # fmt: skip


def exposure_range(matrix: Matrix | None) -> str:
    """The exposure as 5.6, or 5.6 (best 3.4)."""
    number, best = number_text(matrix), best_text(matrix)
    return translate(msg("{number} ({best})", number=number, best=best)) if best else number


def gain_words(more: int, closed: int, *, changed: bool) -> str:
    """What a layer gains, in the prediction: of `more` threats `closed` that nothing stopped."""
    if more > 0 and not closed:
        return translate(msg("+{count} deeper", count=more))
    if more > 0:
        return translate(msg("+{count} stopped", count=more))
    if more < 0:
        return translate(msg("{count} fewer", count=-more))
    return translate(msg("changed") if changed else msg("unchanged"))

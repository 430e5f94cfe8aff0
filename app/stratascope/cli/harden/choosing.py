"""Resolves a command's targets (containers by name, project, service or image) and their settings, and asks a person
to choose a preset if none was given.

Decided against relaunching unchanged in that case, as is done for a script with `--yes`: a person who types
`harden web` wants an improvement.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from stratascope.cli.output import ask, columns, fitted
from stratascope.cli.progress import progress
from stratascope.core.container import Container
from stratascope.core.message import Message, msg, plural
from stratascope.core.ports import ProbeError
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.listing.alike import PROJECT, label, of_project
from stratascope.usecases.plan.offers import Preview, shortfalls
from stratascope.usecases.plan.standards import STANDARDS
from stratascope.wiring.hardening import ConnectedEngine, ConnectedHardening


def chooses(arguments: argparse.Namespace) -> bool:
    """Whether containers are chosen by project, service or image."""
    return any(each is not None for each in (arguments.project, arguments.service, arguments.image))


def several(arguments: argparse.Namespace) -> bool:
    """Whether the command may concern more than one container. Raises ProbeError if none is given."""
    wide = chooses(arguments)
    if not wide and not arguments.containers:
        raise ProbeError(msg("Name a container, or choose with --project, --service or --image."))
    return wide or len(set(arguments.containers)) > 1


def targets(arguments: argparse.Namespace, found: ConnectedHardening) -> tuple[ConnectedEngine, tuple[str, ...]]:
    """The engine and the full ids, without duplicates. Raises ProbeError if there is none, or several engines."""
    hits = [found.container(name) for name in arguments.containers]
    if chooses(arguments):
        hits += [(access, each.id) for access, each in chosen(arguments, found)]
    first = hits[0][0]
    if any(access is not first for access, _ in hits):
        engines = ", ".join(sorted({access.engine.id for access, _ in hits}))
        raise ProbeError(msg("These are on several engines. Choose one with --engine: {engines}.", engines=engines))
    return first, tuple(dict.fromkeys(number for _, number in hits))


def chosen(arguments: argparse.Namespace, found: ConnectedHardening) -> Sequence[tuple[ConnectedEngine, Container]]:
    """The running containers of the given project, service and image. Raises ProbeError."""
    hits = [
        (access, each)
        for access in found.accesses
        for each in of_project(
            access.containers(),
            project=arguments.project or "",
            service=arguments.service or "",
            image=arguments.image or "",
        )
    ]
    words = ", ".join(filter(None, (arguments.project, arguments.service, arguments.image)))
    if not hits:
        raise ProbeError(msg("No running container belongs to {name}.", name=words), words)
    projects = sorted({label(each, PROJECT) for _, each in hits})
    if arguments.service and not arguments.project and len(projects) > 1:
        raise ProbeError(msg("Several projects have a service {name}. Choose one with --project: {projects}.",
                             name=arguments.service, projects=", ".join(projects)), words)  # fmt: skip
    return hits


def choices_of(arguments: argparse.Namespace, hardening: Hardening, state: ContainerState) -> tuple[Choice, ...]:
    """The choices for that container: the preset's, overridden by --set. Raises ToggleError, and engine errors."""
    found = {}
    if arguments.preset is not None:
        found = {item.toggle: item for item in hardening.preset(state, Preset(arguments.preset))}
    for text in arguments.set:
        item = parse(text)
        found[item.toggle] = item
    return tuple(found.values())


def offers_of(hardening: Hardening, state: ContainerState) -> list[dict[str, Any]]:
    """Each preset's choices and their effect, the plan first, for JSON."""
    return [_offer(hardening, state, preset) for preset in _WHAT]


def _offer(hardening: Hardening, state: ContainerState, preset: Preset) -> dict[str, Any]:
    chosen = hardening.preset(state, preset)
    preview = hardening.preview(state, chosen)
    return {
        "preset": preset.value,
        "toggles": [{"id": item.id, "value": item.value} for item in chosen],
        "exposure": preview.after.exposure.worst,
        "open": {severity.value: len(preview.after.open(severity)) for severity in SERIOUS},
        "in_vain": preview.in_vain,
        "shortfalls": [translate(each) for each in short_of(hardening, state, preview, preset)],
    }


def short_of(
    hardening: Hardening, state: ContainerState, preview: Preview, preset: Preset | None
) -> tuple[Message, ...]:
    """What the choices of that preset do not do, one sentence per line."""
    if preset is None:
        return shortfalls(preview, None)
    unmet = next((each.unmet for each in hardening.standards(state, (preset,))), ()) if preset in STANDARDS else ()
    return shortfalls(preview, preset, hardening.suggested(state), unmet)


def would_close(preview: Preview | None, offers: list[dict[str, Any]]) -> str:
    """The exposure with the plan, if the choices leave something serious open that it would close; else empty."""
    if preview is None or not offers:
        return ""
    still = {severity.value: len(preview.after.open(severity)) for severity in SERIOUS}
    return "" if still == offers[0]["open"] else f"{offers[0]['exposure']:.1f}"


_WHAT = {
    Preset.RECOMMENDED: msg("the plan: what is granted and not used, and limits"),
    Preset.CRITICAL: msg("only the changes of the plan that close serious threats"),
    Preset.PSS_BASELINE: msg("the plan, and what the Pod Security Standards call Baseline"),
    Preset.PSS_RESTRICTED: msg("the plan, and what the Pod Security Standards call Restricted"),
    Preset.CIS: msg("the plan, and section 5 of the CIS Docker Benchmark"),
    Preset.RESTRICTED: msg("the plan, and what is seldom needed"),
    Preset.STRICT: msg("everything that can be taken away"),
}
_ASKED = (Preset.RECOMMENDED, Preset.CRITICAL, Preset.PSS_BASELINE, Preset.PSS_RESTRICTED, Preset.CIS)


def is_open(arguments: argparse.Namespace, state: ContainerState) -> bool:
    """Whether nothing was chosen, and a person can be asked to choose."""
    silent = arguments.yes or arguments.dry_run or arguments.json or arguments.preset is not None or arguments.set
    return not silent and state.matrix is not None and sys.stdin.isatty()


def preset_wanted(hardening: Hardening, state: ContainerState) -> str | None:
    """Ask for a preset: its name, "" for an unchanged relaunch, None to cancel. Raises engine errors."""
    matrix = state.matrix
    now = 0.0 if matrix is None else matrix.exposure.worst
    every = (_offer(hardening, state, preset) for preset in _ASKED)
    offers = [offer for offer in every if offer["toggles"] and (offer["exposure"] < now or not offer["in_vain"])]
    _say(msg("How should {name} be hardened? Its exposure is now {exposure}.", name=plain(state.container.name, 200),
             exposure=f"{now:.1f}"))  # fmt: skip
    width = max((len(offer["preset"]) for offer in offers), default=0)
    for number, offer in enumerate(offers, 1):
        count = len(offer["toggles"])
        what = plural("{count} setting: {what}", "{count} settings: {what}", count, what=_WHAT[Preset(offer["preset"])])
        _say(msg("  {number}  {preset} {exposure}  {what}", number=str(number), preset=offer["preset"].ljust(width),
                 exposure=f"{offer['exposure']:4.1f}", what=what))  # fmt: skip
    _say(msg("  {number}  unchanged: re-created as it is", number=str(len(offers) + 1)))
    answer = ask(translate(msg("Enter a number, or press Enter to leave it as it is: ")))
    names = [*(offer["preset"] for offer in offers), ""]
    if answer in names[:-1]:
        return answer
    return names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else None


def _say(message: Message) -> None:
    with progress.printing():
        sys.stderr.write("".join(f"{each}\n" for each in fitted(translate(message), columns(sys.stderr))))

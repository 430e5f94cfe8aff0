"""What each preset would come to: printed by `harden --dry-run`, and the question where only a container is named.

Decided against relaunching it unchanged then, as is done for a script that says `--yes`: who types `harden web` wants
something better than what there is.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.sanitize import plain
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Preview, shortfalls


def offers_of(hardening: Hardening, state: ContainerState) -> list[dict[str, Any]]:
    """What each preset chooses and comes to, the smallest set first."""
    found, in_use = [], hardening.in_use(state)
    for preset in Preset:
        chosen = hardening.preset(state, preset)
        preview = hardening.preview(state, chosen)
        found.append(
            {
                "preset": preset.value,
                "toggles": [{"id": item.toggle, "value": item.value} for item in chosen],
                "exposure": preview.after.exposure.worst,
                "open": {severity.value: len(preview.after.open(severity)) for severity in SERIOUS},
                "in_vain": preview.in_vain,
                "shortfalls": [translate(each) for each in shortfalls(preview, preset, in_use=in_use)],
            }
        )
    return found


def would_close(preview: Preview | None, offers: list[dict[str, Any]]) -> str:
    """What the smallest set would come to, where what was chosen leaves something open that it closes."""
    if preview is None or not offers:
        return ""
    still = {severity.value: len(preview.after.open(severity)) for severity in SERIOUS}
    return "" if still == offers[0]["open"] else f"{offers[0]['exposure']:.1f}"


_WHAT = {
    Preset.CRITICAL: msg("closes the critical threats, then the serious ones"),
    Preset.RECOMMENDED: msg("settings that hardly ever break anything"),
    Preset.RESTRICTED: msg("what the Pod Security Standards call Restricted"),
    Preset.STRICT: msg("everything that can be taken away"),
}


def is_open(arguments: argparse.Namespace, state: ContainerState) -> bool:
    """Whether nothing was chosen, and a person can be asked."""
    silent = arguments.yes or arguments.dry_run or arguments.json or arguments.preset is not None or arguments.set
    return not silent and state.matrix is not None and sys.stdin.isatty()


def preset_wanted(hardening: Hardening, state: ContainerState) -> str | None:
    """The preset's name; "" for an unchanged relaunch; None where nothing is wanted. Raises what its engine raises."""
    offers = [offer for offer in offers_of(hardening, state) if not (offer["in_vain"] and offer["open"]["critical"])]
    matrix = state.matrix
    now = 0.0 if matrix is None else matrix.exposure.worst
    _say(msg("How should {name} be hardened? Its exposure is now {exposure}.", name=plain(state.container.name, 200),
             exposure=f"{now:.1f}"))  # fmt: skip
    width = max((len(offer["preset"]) for offer in offers), default=0)
    for number, offer in enumerate(offers, 1):
        count = len(offer["toggles"])
        what = plural("{count} setting: {what}", "{count} settings: {what}", count, what=_WHAT[Preset(offer["preset"])])
        _say(msg("  {number}  {preset} {exposure}  {what}", number=str(number), preset=offer["preset"].ljust(width),
                 exposure=f"{offer['exposure']:4.1f}", what=what))  # fmt: skip
    _say(msg("  {number}  unchanged: re-created as it is", number=str(len(offers) + 1)))
    sys.stderr.write(translate(msg("Enter a number, or press Enter to leave it as it is: ")))
    sys.stderr.flush()
    answer = sys.stdin.readline().strip()
    names = [*(offer["preset"] for offer in offers), ""]
    if answer in names[:-1]:
        return answer
    return names[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(names) else None


def _say(message: Message) -> None:
    sys.stderr.write(translate(message) + "\n")

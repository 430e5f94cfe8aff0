"""What each preset would come to, as `harden --dry-run` tells it beside what was asked for."""

from __future__ import annotations

from typing import Any

from stratascope.core.relaunch.toggle import Preset
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.shortfalls import shortfalls


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

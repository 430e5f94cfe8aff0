"""What a set of choices fails to do, in words: nothing that matters, or not what its preset is named after."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import GRADES, Preset
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Threat
from stratascope.layers.toggles import toggle
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.presets import InUse

_NAMED_AFTER = (Preset.RESTRICTED, Preset.STRICT)


def shortfalls(
    preview: Preview, preset: Preset | None, left: Sequence[Threat] = (), in_use: Sequence[InUse] = ()
) -> tuple[Message, ...]:
    """One sentence per line. `left`: what the smallest set leaves open, if that is the preset; `in_use`: what another
    preset leaves as it is.
    """
    found = []
    if preview.in_vain and preview.differences:
        found.append(in_vain(preview))
    if preview.after.open(Severity.CRITICAL):
        found.append(msg("It could still take over this machine."))
    if preset in GRADES:
        for each in in_use:
            title = toggle(each.choice.toggle).titled(each.choice.value)
            found.append(msg("Not included, as it is in use: {title}. {why}", title=title, why=each.why))
    if preset in _NAMED_AFTER and (preview.unrestricted or preview.as_root):
        found.append(msg("This is not yet what the Pod Security Standards call Restricted:"))
        if preview.as_root:
            found.append(msg("It still starts as root. If its program can do without, choose another user: user=UID."))
        found += [each.text for each in preview.unrestricted]
    if preset is Preset.CRITICAL:
        if left:
            found.append(
                msg(
                    "No toggle closes the rest without cutting it off; the host, or whatever creates the container, "
                    "can:"
                )
            )
            found += [each.title for each in left]
        elif not preview.differences:
            found.append(msg("Nothing critical or serious is open, so there is nothing to close."))
    return tuple(found)


def in_vain(preview: Preview) -> Message:
    """That nothing improves, with both numbers."""
    now, then = (f"{each.exposure.worst:.1f}" for each in (preview.before, preview.after))
    if preview.allows:
        return msg("This allows more and closes nothing: exposure {now} now, {then} then.", now=now, then=then)
    if preview.before.open(Severity.CRITICAL):
        return msg("This changes nothing that matters: exposure {now} now, {then} then.", now=now, then=then)
    return msg("This closes nothing serious: exposure {now} now, {then} then.", now=now, then=then)

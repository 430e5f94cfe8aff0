"""What shows beside a finding, or a change, the switch that would mend it: where it is told of switches, and tells."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import SignalInstance

from stratascope.usecases.plan.offers import Offer


class Fixes(Protocol):
    """A list of findings, the page of what changed."""

    @property
    def fix_wanted(self) -> SignalInstance:
        """The key of a switch that is to be on."""

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """What hardening offers for the container in view, None where that is not known; which switches are on."""

"""A PATH of a test's own."""

from __future__ import annotations

from rig.probe.path import programs

__all__ = ("programs",)

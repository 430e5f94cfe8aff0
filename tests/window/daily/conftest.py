"""The demo's containers as if they were real, with hardening but without an engine."""

from __future__ import annotations

from rig.window.hardening import staged, whole_picture

__all__ = ("staged", "whole_picture")

"""The window with hardening, staged without an engine."""

from __future__ import annotations

from rig.window.hardening import staged, whole_picture, window

__all__ = ("staged", "whole_picture", "window")

"""The user's directories by the XDG Base Directory Specification, for settings, the journal and menu entries.

Decided against platformdirs: it does the same on Linux, and takes longer to load than these lines took to write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For settings. Like the others, raises RuntimeError if no variable sets it and the user has no home."""
    return _folder(environ, "XDG_CONFIG_HOME", "~/.config")


def data_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For files that other programs read too, such as menu entries."""
    return _folder(environ, "XDG_DATA_HOME", "~/.local/share")


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For data that has to outlast a run."""
    return _folder(environ, "XDG_STATE_HOME", "~/.local/state")


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    named = Path(environ.get(variable, "").strip())
    # "All paths set in these environment variables must be absolute"; others are to be ignored
    return named if named.is_absolute() else Path(otherwise).expanduser()

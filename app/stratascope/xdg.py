"""The user's folders, by the XDG Base Directory Specification: where settings, the journal and menu entries are kept.

Decided against platformdirs: it says the same of Linux, and takes longer to load than these lines take to write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def config_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For settings. As all three, raises RuntimeError where nothing names it and the user has no home."""
    return _folder(environ, "XDG_CONFIG_HOME", "~/.config")


def data_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For what other programs read too, such as menu entries."""
    return _folder(environ, "XDG_DATA_HOME", "~/.local/share")


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """For what has to outlast a run."""
    return _folder(environ, "XDG_STATE_HOME", "~/.local/state")


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path:
    named = Path(environ.get(variable, "").strip())
    # "All paths set in these environment variables must be absolute", and others are to be left out
    return named if named.is_absolute() else Path(otherwise).expanduser()

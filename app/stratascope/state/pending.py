"""Where the journal of relaunches is, and whether it contains anything. Loads little, since every start asks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stratascope import resources

RELAUNCH, TWIN, GROUP = ".json", ".twin", ".group"  # suffixes of its files


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/stratascope/relaunches`."""
    # Flatpak before 1.13 keeps nothing of ~/.local/state when its sandbox ends, and a journal has to last
    forgets = "FLATPAK_ID" in environ and not environ.get("XDG_STATE_HOME") and environ.get("XDG_DATA_HOME")
    try:
        home = resources.data_home(environ) if forgets else resources.state_home(environ)
    except RuntimeError:  # a uid without a home directory: in containers HOME is / then
        home = Path("/.local/state")
    return home / "stratascope" / "relaunches"


def any_written(folder: Path | None = None) -> bool:
    """Whether the journal contains a relaunch, finished or not, a twin or a group. Raises nothing."""
    try:
        return any(path.suffix in (RELAUNCH, TWIN, GROUP) for path in (folder or default_folder()).iterdir())
    except OSError:
        return False

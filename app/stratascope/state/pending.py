"""Where the journal of relaunches is, and whether it has anything at all. Every start asks, so this loads nothing else.

The XDG Base Directory Specification in two lines: platformdirs says the same, and takes longer to load than to ask.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_STATE_HOME/stratascope/relaunches`."""
    home = environ.get("XDG_STATE_HOME", "").strip()
    if not home and "FLATPAK_ID" in environ:
        # Flatpak before 1.13 keeps nothing of ~/.local/state when its sandbox ends, and a journal has to last
        home = environ.get("XDG_DATA_HOME", "").strip()
    if not home:
        try:
            home = str(Path("~/.local/state").expanduser())
        except RuntimeError:  # a uid without a home: as containers set HOME then
            home = "/.local/state"
    return Path(home) / "stratascope" / "relaunches"


def any_written(folder: Path | None = None) -> bool:
    """Whether there is a relaunch in the journal, finished or not. Raises nothing."""
    try:
        return any(path.suffix == ".json" for path in (folder or default_folder()).iterdir())
    except OSError:
        return False

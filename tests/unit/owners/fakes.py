"""Commands that fail as real ones can't be made to: scripts in a folder that is the whole PATH."""

from __future__ import annotations

from pathlib import Path


def program(folder: Path, name: str, script: str) -> None:
    """A shell script by that name; it finds `said` (a log of its calls) in the folder."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "$@" >>{folder}/said\n{script}\n')
    path.chmod(0o755)


def said(folder: Path) -> list[str]:
    """How the commands were called."""
    path = folder / "said"
    return path.read_text().splitlines() if path.exists() else []

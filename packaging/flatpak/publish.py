"""Writes the files to submit to Flathub: the manifest with a tag of the program's repository, and its Python modules.

    make flathub URL=… TAG=v0.1.0

The addresses come from the command line and from pip; none of them is committed here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import manifest
import python_modules


def write(folder: Path, url: str, tag: str, commit: str) -> tuple[Path, ...]:
    """Write the three files. Raises subprocess.CalledProcessError if pip fails, hashes.UnknownHashError."""
    modules = python_modules.write(folder)
    path = folder / manifest.PATH.name
    path.write_text(manifest.text_of(manifest.published(manifest.read(), url, tag, commit)), encoding="utf-8")
    return (path, *modules)


def main(words: Sequence[str]) -> int:
    """Write them into the given folder."""
    parser = argparse.ArgumentParser(description="Writes what is handed in at Flathub.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", required=True, help="of the program's repository")
    parser.add_argument("--tag", required=True)
    parser.add_argument("--commit", required=True, help="that the tag is at")
    given = parser.parse_args(words)
    for path in write(given.folder, given.url, given.tag, given.commit):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

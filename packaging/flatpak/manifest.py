"""Reads the manifest, and makes its two variants: for Flathub, and for a runtime made here. Pure.

A variant changes names, versions and sources. Permissions, modules and commands are never touched, so that what is
tested in the sandbox is what is published. Decided against a second manifest for the tests: it would drift.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
CHECKOUT = FOLDER.parent.parent
APP = "io.github.stratascope.Stratascope"
PATH = FOLDER / f"{APP}.yml"
OWN = "stratascope"  # the module of the program itself

Manifest = dict[str, Any]


def read(path: Path = PATH) -> Manifest:
    """The manifest as YAML's own types."""
    document: Manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def own_module(manifest: Manifest) -> dict[str, Any]:
    """The module that builds the program."""
    found: dict[str, Any] = next(
        module for module in manifest["modules"] if isinstance(module, dict) and module["name"] == OWN
    )
    return found


def published(manifest: Manifest, url: str, tag: str, commit: str) -> Manifest:
    """The variant for Flathub, which builds the program from a tag of its repository."""
    made = copy.deepcopy(manifest)
    own_module(made)["sources"] = [{"type": "git", "url": url, "tag": tag, "commit": commit}]
    return made


def local(
    manifest: Manifest, runtime: str, base: str, branch: str, checkout: Path, skip: Sequence[str] = ()
) -> Manifest:
    """The variant for a runtime and a base app made here, which builds this checkout.

    Nothing is stripped: that would need tools of the SDK, and does not affect the program.
    """
    made = copy.deepcopy(manifest)
    made |= {
        "runtime": runtime,
        "runtime-version": branch,
        "sdk": runtime,
        "base": base,
        "base-version": branch,
    }
    made["build-options"] |= {"strip": False, "no-debuginfo": True}
    source = own_module(made)["sources"][0]
    source["path"] = str(checkout)
    source["skip"] = [*source["skip"], *skip]
    return made


def text_of(manifest: Manifest) -> str:
    """The manifest as YAML text, in its original order."""
    text: str = yaml.safe_dump(manifest, sort_keys=False, width=120)
    return text

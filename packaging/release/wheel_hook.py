"""A hatchling build hook that puts the SBOM named by STRATASCOPE_SBOM into the wheel (PEP 770).

`make wheel` sets it. Without it nothing is added, so that `pip install .` needs nothing else.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ListOfParts(BuildHookInterface[BuilderConfig]):
    """The hook; hatchling finds it as the only one in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the SBOM, before the wheel is written."""
        if path := os.environ.get("STRATASCOPE_SBOM"):
            build_data["sbom_files"].append(path)

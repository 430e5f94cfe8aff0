"""A build hook of hatchling's: puts the list of parts that STRATASCOPE_SBOM names into the wheel (PEP 770).

`make wheel` names one. Without it nothing is put in, so that `pip install .` needs nothing that it did not need before.
"""

from __future__ import annotations

import os
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ListOfParts(BuildHookInterface[BuilderConfig]):
    """Found by hatchling, as the one hook in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before the wheel is written."""
        if path := os.environ.get("STRATASCOPE_SBOM"):
            build_data["sbom_files"].append(path)

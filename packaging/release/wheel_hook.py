"""A hatchling build hook: it puts the SBOM named by STRATASCOPE_SBOM into the wheel (PEP 770), and the program of the
attempts, where a C compiler is there.

`make wheel` sets the variable. Without both nothing is added, so that `pip install .` needs nothing else; with the
program the wheel is for x86_64 only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ListOfParts(BuildHookInterface[BuilderConfig]):
    """The hook; hatchling finds it as the only one in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them, before the wheel is written."""
        if path := os.environ.get("STRATASCOPE_SBOM"):
            build_data["sbom_files"].append(path)
        if version == "editable":  # a checkout has it in build/
            return
        source, made = Path(self.root, "app/stratascope/attempts"), Path(self.root, "build/attempts/packaged")
        if subprocess.run((sys.executable, str(source / "build.py"), str(made)), check=False).returncode == 0:
            build_data["force_include"][str(made / "attempts")] = "stratascope/attempts/attempts"
            build_data["pure_python"] = False
            build_data["tag"] = "py3-none-linux_x86_64"

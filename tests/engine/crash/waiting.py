"""A relaunch on a real engine that waits before one of its calls, for what a test does to the engine meanwhile."""

from __future__ import annotations

import json
import time
from typing import Any

from engine.crash.scene import QUICK, Point, Scene


class Waiting:
    """A relaunch that waits before one of its points."""

    def __init__(
        self, scene: Scene, number: int, command: str = QUICK, patience: float = 0.0, restart: str = "always"
    ) -> None:
        self.scene, self.point = scene, Point("harden", "wait", number)
        self.name = self.point.container
        scene.start(self.name, command, restart)
        scene.environ["DYING_PATIENCE"] = str(patience)
        self.child = scene.dying(self.point)
        assert self.child.stdout is not None
        while (line := self.child.stdout.readline()) != "here\n":
            assert line, self.child.communicate()

    def go_on(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def ended(self) -> dict[str, Any]:
        """How it ended."""
        out, err = self.child.communicate()
        assert self.child.returncode == 0, err
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def recovered(self, *, goes_on: bool = False) -> None:
        """`recover`, and all is well; once more changes nothing."""
        code, _, err = self.scene.stratascope("recover")
        assert (code, err) == (0, "")
        assert self.scene.wrong_with(self.name, goes_on=goes_on) == []
        time.sleep(3)  # what was under way in the engine is done by now
        assert self.scene.wrong_with(self.name, goes_on=goes_on) == []
        assert self.scene.stratascope("recover") == (0, "", "")

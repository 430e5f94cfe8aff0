"""What runs as root inside the virtual machine for the lesson on AppArmor and SELinux: each stage of it, on Docker; and
threats tried in a running container itself.

Its outcomes are what `resources/learn/recorded.json` shows where the kernel has neither. Under SELinux the policy is
enforced while something is read or tried, and warns only while the engine starts and removes containers: Debian's
policy lets no engine do that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from machine.vm.guest import OUT, SHARE, run, say

sys.path[:0] = [str(SHARE / "checkout" / "app"), str(SHARE / "site")]


def enforce(on: bool) -> None:
    if Path("/sys/fs/selinux/enforce").exists():
        subprocess.run(("setenforce", "1" if on else "0"), check=True)


def switching(port: type[Any]) -> None:
    """Let that engine's calls that change something run while nothing is enforced."""

    def wrapped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **named: Any) -> Any:
            enforce(False)
            try:
                return call(*arguments, **named)
            finally:
                if name == "start":
                    enforce(True)

        return made

    for name in ("import_image", "create", "overlay", "put", "start", "remove", "remove_overlays", "remove_image"):
        setattr(port, name, wrapped(name, getattr(port, name)))


def tried_in_place() -> list[dict[str, Any]]:
    """All threats, in a running container with the engine's own profile."""
    from stratascope.core.threats.attempt import AttemptOutcome
    from stratascope.presentation.attempts_report import json_object
    from stratascope.usecases.attempts.attempts import threats
    from stratascope.wiring.attempts import tries_in_place
    from stratascope.wiring.engines import open_engines

    enforce(False)
    run("docker", "run", "-d", "--name", "web", "bb")
    enforce(True)
    with open_engines(("docker",)) as engines:
        events = tries_in_place(engines, "web", threats(()))
        made = [json_object(event) for event in events if isinstance(event, AttemptOutcome)]
    enforce(False)
    run("docker", "rm", "-f", "web")
    return made


def main(flavour: str) -> None:
    from stratascope.core.lesson import StageOutcome
    from stratascope.engines.docker.relauncher import DockerRelauncher
    from stratascope.presentation.attempts_report import json_object
    from stratascope.usecases.attempts import lessons
    from stratascope.wiring.attempts import teach
    from stratascope.wiring.hardening import open_hardening

    if flavour == "selinux":
        Path("/etc/docker").mkdir(exist_ok=True)
        Path("/etc/docker/daemon.json").write_text('{"selinux-enabled": true}')
        switching(DockerRelauncher)
    run("systemctl", "start", "docker.service")
    taught = lessons.lesson("mac")
    assert taught is not None
    enforce(True)
    with open_hardening(("docker",)) as found:
        (access,) = found.accesses
        refused = lessons.not_here(access, taught)
        made = [event for event in teach(access, taught) if isinstance(event, StageOutcome)]
    truth = {
        "not here": repr(refused),
        "in place": tried_in_place(),
        "as told": [each.as_told for each in made],
        "stages": [json_object(each.outcome) for each in made],
        "left": run("docker", "ps", "-a", "-q") + run("docker", "images", "-q"),
    }
    (OUT / "truth.json").write_text(json.dumps(truth, indent=1))
    say("done")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except BaseException:
        (OUT / "trouble.txt").write_text(traceback.format_exc())
        raise

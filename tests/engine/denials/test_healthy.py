"""Programs that are in good health, under all that people do with them: nothing of what they are refused is shown.

What they are refused all the same is benign, and folded away. Slow: minutes for each program, or as many seconds as
STRATASCOPE_HEALTHY_SECONDS says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from machine.software.families import PROGRAMS
from machine.software.hardened import broken, engine_with_image, service
from machine.software.program import Program
from machine.software.reach import network_of, up
from rig.engine import Rig
from rig.fixtures import Engines
from rig.places import APP
from stratascope.collector.filters import why_not

SECONDS = float(os.environ.get("STRATASCOPE_HEALTHY_SECONDS", "60"))  # of all that its deep check does, over and over
AT_ONCE = 6
WEARS_OUT = frozenset(("chat_reload",))  # ngircd no longer listens after its third or so, watched or not
# a page of the one and a helper of the other ping, for which Podman gives no right by itself
NEEDS = {(name, "podman"): ("--cap-add", "NET_RAW") for name in ("tools", "squid")}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason="needs root"),
]


@pytest.mark.parametrize("family", sorted({program.family for program in PROGRAMS}))
@pytest.mark.parametrize("kind", ["docker_hybrid", "podman_hybrid"])
def test_nothing_is_shown_of_them(family: str, kind: str, engines: Engines, tmp_path: Path) -> None:
    rig = engine_with_image(engines, kind, family)
    programs = [
        replace(
            program,
            options=(*program.options, *NEEDS.get((program.name, rig.kind), ())),
            deep=tuple(check for check in program.deep if check.__name__ not in WEARS_OUT),
        )
        for program in PROGRAMS
        if program.family == family
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        shown = dict(
            zip([program.name for program in programs], pool.map(partial(_shown, rig, tmp_path), programs), strict=True)
        )
    assert not any(shown.values()), {name: each for name, each in shown.items() if each}


def _shown(rig: Rig, state: Path, program: Program) -> list[object]:
    """What is not folded away, and what its deep check did not find in order."""
    environ = {
        **os.environ,
        "PYTHONPATH": str(APP),
        "STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}",
        "XDG_STATE_HOME": str(state / program.name),
    }
    with service(rig, program) as at:
        up(at, program.deep[0])
        command = (sys.executable, "-m", "stratascope", "denials", at.name, "--all", "--json")
        words = ("nsenter", f"--net={network_of(rig)}", *command)
        begin = partial(
            subprocess.Popen, words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environ
        )
        child, texts, watched = begin(), list[str](), False
        until = time.monotonic() + SECONDS
        failed: dict[str, str] = {}
        while time.monotonic() < until and not failed:
            if child.poll() is not None:  # it ends with the container, and some checks are that it starts again
                texts.append(child.communicate()[0])
                watched = watched or child.returncode == 0
                child = begin()
            if found := broken(program, at):  # a busy machine lets one answer come too late, and not the next
                failed = broken(program, at)
                sys.stdout.write(f"\n{program.name}: {found}, then {failed}\n")
        child.send_signal(2)
        texts.append(child.communicate()[0])
        if not watched and child.returncode != 0:
            failed["denials"] = "it was never watched"
    text = "".join(texts)
    told = [each for each in map(json.loads, text.splitlines()) if "syscall" in each]  # else of the container itself
    shown = [each for each in told if not each["benign"]]
    lines = (f"{each['process']}: {each['did']} = {each['errno']}, {each['layer']}: {each['what']}" for each in shown)
    sys.stdout.write("\n".join((f"\n{program.name} on {rig.kind}: {len(told)} kinds of refusals", *lines)) + "\n")
    return [*([failed] if failed else []), *shown]

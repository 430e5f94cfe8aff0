"""A filter that a person gave Podman as a file: the engine tells its path alone, and what it lets through is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from machine.truth.fleet import report
from rig.engine import Rig

SECRET = "word-that-is-in-its-environment"


@pytest.mark.parametrize("kind", ["podman_rootful", "podman_rootless"])
def test_it_is_known_and_nothing_else_of_its_configuration_is_read(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    rig: Rig = request.getfixturevalue(kind)
    rules = [
        {"names": ["unshare", "keyctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    ]
    profile = tmp_path / "filter.json"
    profile.write_text(
        json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules})
    )
    for folder in (profile, *list(profile.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o755)
    with rig.container("--security-opt", f"seccomp={profile}", "-e", f"PASSWORD={SECRET}", name="named"):
        found = report(rig)["named"]
        said = ""
        while not said:  # where the machine is busy, Podman loses what an exec prints that ends at once
            said = rig.run("exec", "named", "sh", "-c", "unshare -m true 2>&1; echo ended")
    assert SECRET not in json.dumps(found)
    assert "ermission denied" in said, "as the kernel has it"
    stances = {name: each["stances"].get("seccomp") for name, each in found["threats"].items()}
    assert "UNKNOWN" not in stances.values()
    assert stances["kernel-keyring"] == "STOPS"
    assert stances["io-uring"] == "LETS_THROUGH"

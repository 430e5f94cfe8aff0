"""The installed helper does nothing for whoever starts it but answer on its standard input."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from stratascope.probe.helper.install import write


def test_arguments_variables_and_folders_of_the_caller_count_for_nothing(tmp_path: Path) -> None:
    helper, _ = write(tmp_path)
    bait = tmp_path / "bait"
    bait.mkdir()
    for name in ("json.py", "stratascope.py", "sitecustomize.py", "usercustomize.py", "os.py"):
        (bait / name).write_text("import sys\nsys.stderr.write('taken in')\nsys.exit(9)\n")
    variables = {"PYTHONPATH": str(bait), "PYTHONHOME": str(bait), "PYTHONSTARTUP": str(bait / "json.py")}
    request = b'{"ask": "hello"}\n{"ask": "host", "names": ["/etc/shadow", "/proc/sys/kernel/pid_max"]}\n'
    plain = subprocess.run([helper], input=request, capture_output=True, check=True, cwd="/")
    baited = subprocess.run(
        [helper, "--help", "-c", "import os", str(bait / "json.py"), "/etc/shadow"],
        input=request,
        capture_output=True,
        check=True,
        cwd=bait,
        env={**os.environ, **variables},
    )
    assert (baited.stdout, baited.stderr) == (plain.stdout, b"")
    shadow, settings = json.loads(plain.stdout.splitlines()[1])["host"]
    assert shadow[2:4] == [None, "UNSUPPORTED"]
    assert settings[2]
    assert len(list(tmp_path.iterdir())) == 3  # helper, policy, bait: it wrote nothing

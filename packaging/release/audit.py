"""Checks every Python package of a release (packaging/hashes/) for known vulnerabilities. `make audit` calls it.

pip-audit queries the database; this script judges its answer, since pip-audit also reports no vulnerabilities if it
checked nothing. An old package with well-known vulnerabilities is included: if it passes, the answer is worthless.

    --osv-url URL   another database than pip-audit's own, with the OSV interface

Exit: 0 no known vulnerability, 1 some, 2 the database could not be queried, or not about all packages; says why.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import hashes

KNOWN = ("jinja2", "2.10")  # vulnerable, and in no release: CVE-2019-10906 and others
SILENT, WEAK, UNASKED = 0, 1, 2


def released() -> dict[str, str]:
    """The version of each released package, by name."""
    return {line.name: line.version for line in hashes.read()}


def ask(packages: Iterable[tuple[str, str]], options: Sequence[str] = ()) -> tuple[str, str]:
    """Run pip-audit; returns its JSON, and its messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text("".join(f"{name}=={version}\n" for name, version in packages), encoding="utf-8")
        command = (sys.executable, "-m", "pip_audit", "--requirement", str(path), "--no-deps", "--disable-pip")
        quiet = ("--format=json", "--progress-spinner=off", "--vulnerability-service=osv", "--cache-dir", folder)
        done = subprocess.run((*command, *quiet, *options), capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def judge(answer: str, said: str, packages: dict[str, str]) -> tuple[int, list[str]]:
    """The exit status, and the lines to print."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(answer)["dependencies"]
        found = {each["name"]: each.get("vulns") for each in dependencies}
    except (ValueError, LookupError, TypeError, AttributeError):
        last = (said.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return UNASKED, [f"the list of known weaknesses could not be asked, so nothing is known of them: {last[:300]}"]
    if not found.get(KNOWN[0]):
        words = f"what answered does not know the weaknesses of {KNOWN[0]} {KNOWN[1]}, so it is no list of them"
        return UNASKED, [f"{words}: it was not asked about the release"]
    weak = [
        f"{name} {version}: {', '.join(sorted({one['id'] for one in found[name] or ()}))}"
        for name, version in packages.items()
        if found.get(name)
    ]
    unasked = [name for name in packages if found.get(name) is None]
    lines = weak + ([f"not looked up, so not known: {', '.join(unasked)}"] if unasked else [])
    if weak:
        return WEAK, lines
    if unasked:
        return UNASKED, lines
    return SILENT, [f"no weakness is known of these {len(packages)} packages today"]


def main(options: Sequence[str]) -> int:
    """Query, and print the result."""
    packages = released()
    answer, said = ask([*packages.items(), KNOWN], options)
    status, lines = judge(answer, said, packages)
    for line in lines:
        sys.stdout.write(f"stratascope: {line}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

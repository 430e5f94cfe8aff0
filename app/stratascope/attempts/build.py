"""Builds the program of the attempts. Standard library only: setup.sh, the wheel's build and the tests run it.

    python build.py [FOLDER]     in a checkout into build/attempts/HASH, once for each state of its sources

Static and at fixed low addresses: it must run in any image, and hand pointers to the 32-bit entry point. Exit: 0 built
or there already, 3 no C compiler that can do that, or a machine that is no x86_64.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAME = "attempts"
_FLAGS = (
    *("-static", "-no-pie", "-Os", "-s", "-std=gnu11", "-ffunction-sections", "-fdata-sections"),
    *("-Wl,--gc-sections", "-Wl,--build-id=none", f"-ffile-prefix-map={HERE}=."),
    *("-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"),
)


class NotBuiltError(Exception):
    """It can't be built here; says why."""


def built(checkout: Path) -> Path:
    """Where it is, or would be, for the present sources."""
    sources = sorted((*HERE.glob("*.c"), *HERE.glob("*.h"), HERE / "build.py"))
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    return checkout / "build" / "attempts" / digest / NAME


def build(checkout: Path) -> Path:
    """The program for the present sources, built where it is not there yet. Raises NotBuiltError, OSError."""
    target = built(checkout)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as made:
            compile_to(Path(made))
            os.replace(Path(made) / NAME, target)  # noqa: PTH105 - another build may have been faster
    return target


def compile_to(folder: Path) -> None:
    """Write it into that folder. Raises NotBuiltError, OSError."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if platform.machine() != "x86_64":
        raise NotBuiltError("the attempts know the system calls of x86_64 only")
    if compiler is None:
        raise NotBuiltError("a C compiler (the packages gcc and libc6-dev) is needed")
    sources = [str(path) for path in sorted(HERE.glob("*.c"))]
    words = (compiler, *_FLAGS, "-o", str(folder / NAME), *sources)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotBuiltError(done.stderr)


def _main(folder: str = "") -> int:
    try:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            compile_to(Path(folder))
        else:
            build(HERE.parents[2])
    except NotBuiltError as error:
        sys.stderr.write(f"the attempts were not built: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:2]))

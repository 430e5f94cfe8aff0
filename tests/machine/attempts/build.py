"""Builds the program that tries, and the image in which it is the first process. Once for each state of its sources.

Both lie below `build/attempts/HASH/` of the checkout. Static and at fixed low addresses: it must run in any image, and
hand pointers to the 32-bit entry point.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from rig.image import add, write_image
from rig.places import CHECKOUT

HERE = Path(__file__).parent
FOREIGN = 4242  # as in attempts.h
FLAGS = (
    "-static",
    "-no-pie",
    "-O2",
    "-s",
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Wno-missing-field-initializers",
    "-Werror",
)


def program() -> Path:
    """The static program; builds it where its sources changed. FileNotFoundError without a C compiler."""
    return _folder() / "attempts"


def image(variant: str = "attempts") -> Path:
    """An image of `IMAGES` as a tar archive, for `import`."""
    return _folder() / f"{variant}.tar"


def _folder() -> Path:
    sources = sorted((*HERE.glob("*.c"), *HERE.glob("*.h"), HERE / "build.py"))
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = CHECKOUT / "build" / "attempts" / digest
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        made.chmod(0o755)
        try:
            _compile(made / "attempts")
            for variant, fill in IMAGES.items():
                fill(made / f"{variant}.tar", (made / "attempts").read_bytes())
            os.rename(made, folder)  # noqa: PTH104 - another test run may have been faster
        except OSError:
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def _compile(target: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("a C compiler (the packages gcc and libc6-dev) is needed")
    sources = [str(path) for path in sorted(HERE.glob("*.c"))]
    done = subprocess.run((compiler, *FLAGS, "-o", str(target), *sources), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _image(target: Path, binary: bytes) -> None:
    """Busybox, the program, and files that attempts are made on."""
    write_image(target)
    with tarfile.open(target, "a") as archive:
        add(archive, "attempts", binary, 0o755)
        for name, uid, mode in (
            ("suid-root", 0, 0o4755),
            ("suid-app", 1000, 0o4755),
            ("suid-foreign", FOREIGN, 0o4755),
            ("sealed", FOREIGN, 0o100),
        ):
            _owned(archive, tarfile.TarInfo(name), uid, mode, binary)
        _owned(archive, tarfile.TarInfo("foreign"), FOREIGN, 0o444, b"another user's file\n")
        for name, mode in (("closed", 0o700), ("handed-down", 0o2777)):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            _owned(archive, folder, FOREIGN, mode, b"")
        _owned(archive, tarfile.TarInfo("closed/secret"), FOREIGN, 0o400, b"another user's secret\n")


def _owned(archive: tarfile.TarFile, entry: tarfile.TarInfo, uid: int, mode: int, data: bytes) -> None:
    import io

    entry.uid = entry.gid = uid
    entry.mode, entry.size = mode, len(data)
    archive.addfile(entry, io.BytesIO(data))


# each writes a tar archive; all have busybox and the program
IMAGES: dict[str, Callable[[Path, bytes], None]] = {"attempts": _image}

"""Builds try.c and the image that it runs in, below `build/denials/HASH/`: once for each state of its sources."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from engine.denials.case import FOREIGN
from rig.image import add, write_image
from rig.places import CHECKOUT

HERE = Path(__file__).parent
_FLAGS = ("-static", "-O2", "-s", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
# vfs_cap_data of capabilities(7), version 2, effective: NET_RAW permitted
_NET_RAW = b"\x01\0\0\x02\0\x20" + b"\0" * 14


def image() -> Path:
    """As a tar archive, for `import`. FileNotFoundError without a C compiler."""
    source = HERE / "try.c"
    digest = hashlib.sha256(source.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    folder = CHECKOUT / "build" / "denials" / digest
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            _compile(source, made / "try")
            _write(made / "image.tar", (made / "try").read_bytes())
            made.chmod(0o755)
            os.rename(made, folder)  # noqa: PTH104 - another test run may have been faster
        except OSError:
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder / "image.tar"


def _compile(source: Path, target: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("a C compiler (the packages gcc and libc6-dev) is needed")
    done = subprocess.run((compiler, *_FLAGS, "-o", str(target), str(source)), capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


def _write(target: Path, program: bytes) -> None:
    write_image(target)
    with tarfile.open(target, "a", format=tarfile.PAX_FORMAT) as archive:
        add(archive, "try", program, 0o755)
        add(archive, "gains", program, 0o4755)
        add(archive, "own", b"root's\n", 0o644)
        add(archive, "private", b"root's alone\n", 0o600)
        _entry(archive, "raw", 0o755, program, {"SCHILY.xattr.security.capability": _NET_RAW.decode("latin-1")})
        for name, mode in (("foreign", 0o644), ("hidden", 0o600), ("sealed", 0o700)):
            _entry(archive, name, mode, program, owner=FOREIGN)
        add(archive, "tmp/other", b"another's\n", 0o666)
        folder = tarfile.TarInfo("closed")
        folder.type, folder.mode, folder.uid, folder.gid = tarfile.DIRTYPE, 0o700, FOREIGN, FOREIGN
        archive.addfile(folder)
        _entry(archive, "closed/secret", 0o644, b"secret\n", owner=FOREIGN)


def _entry(archive: tarfile.TarFile, name: str, mode: int, data: bytes, extra: dict[str, str] | None = None,
           owner: int = 0) -> None:  # fmt: skip
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.uid, entry.gid, entry.pax_headers = len(data), mode, owner, owner, extra or {}
    archive.addfile(entry, io.BytesIO(data))

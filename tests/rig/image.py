"""The image that the tests' engines run: busybox with all its applets, made here since no registry is asked."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

PASSWD = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\napp:x:1000:\n"


def write_image(target: Path) -> None:
    """Write a root file system as a tar archive, for `docker import` and `podman import`."""
    busybox = shutil.which("busybox", path="/bin:/usr/bin")
    if busybox is None:
        raise FileNotFoundError("busybox (the package busybox-static) is needed")
    listing = subprocess.run((busybox, "--list"), capture_output=True, text=True, check=True)
    with tarfile.open(target, "w") as archive:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("proc", 0o555),
                           ("sys", 0o555), ("dev", 0o755), ("run", 0o755), ("var", 0o755), ("mnt", 0o755)):  # fmt: skip
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
        for name, text in (("etc/passwd", PASSWD), ("etc/group", GROUP)):
            add(archive, name, text.encode(), 0o644)
        add(archive, "bin/busybox", Path(busybox).read_bytes(), 0o755)
        for applet in listing.stdout.split():
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
                archive.addfile(link)


def add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))

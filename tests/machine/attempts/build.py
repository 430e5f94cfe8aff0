"""Builds the images in which the program of the attempts is the first process. Once for each state of their sources.

They lie below `build/attempts-images/HASH/` of the checkout.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from rig.image import add, write_image
from rig.places import CHECKOUT
from stratascope.attempts import build

FOREIGN = 4242  # as in attempts.h
GIVEN = 4343  # the group of a set-gid file


def program() -> Path:
    """The static program; builds it where its sources changed. Raises NotBuiltError without a C compiler."""
    return build.build(CHECKOUT)


def image(variant: str = "attempts") -> Path:
    """An image of `IMAGES` as a tar archive, for `import`."""
    return _folder() / f"{variant}.tar"


def _folder() -> Path:
    binary = program().read_bytes()
    digest = hashlib.sha256(binary + Path(__file__).read_bytes()).hexdigest()[:16]
    folder = CHECKOUT / "build" / "attempts-images" / digest
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent))
        made.chmod(0o755)
        try:
            for variant, fill in IMAGES.items():
                fill(made / f"{variant}.tar", binary)
            os.rename(made, folder)  # noqa: PTH104 - another test run may have been faster
        except OSError:
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def _image(target: Path, binary: bytes) -> None:
    """Busybox, the program, and files that attempts are made on."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        _owned(archive, tarfile.TarInfo("suid-root"), 0, 0o4755, binary)


def _asking(target: Path, binary: bytes) -> None:
    """The machine's own su, mount and passwd are the only set-uid programs of root's."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        for name in ("usr/bin/su", "usr/bin/mount", "usr/bin/passwd"):
            _owned(archive, tarfile.TarInfo(name), 0, 0o4755, Path("/", name).read_bytes())


def _disguised(target: Path, binary: bytes) -> None:
    """The program is called su, and lies where su belongs."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        _owned(archive, tarfile.TarInfo("usr/bin/su"), 0, 0o4755, binary)
        _linked(archive, "suid-root", "usr/bin/su")


def _out_of_reach(target: Path, binary: bytes) -> None:
    """The set-uid file lies in a folder of root's own."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        _owned(archive, tarfile.TarInfo("root/tool"), 0, 0o4755, binary)
        _linked(archive, "suid-root", "root/tool")


def _of_a_group(target: Path, binary: bytes) -> None:
    """The set-uid file is for members of a group."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        entry = tarfile.TarInfo("suid-root")
        _owned(archive, entry, 0, 0o4750, binary, group=FOREIGN)


def _giving_a_group(target: Path, binary: bytes) -> None:
    """A set-gid file."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a") as archive:
        _owned(archive, tarfile.TarInfo("suid-root"), 0, 0o2755, binary, group=GIVEN)


def _capable(target: Path, binary: bytes) -> None:
    """A file with SYS_ADMIN, effective; capabilities(7), revision 2."""
    _without_set_uid_root(target, binary)
    with tarfile.open(target, "a", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("suid-root")
        value = struct.pack("<5I", 0x02000001, 1 << 21, 0, 0, 0)
        entry.pax_headers = {"SCHILY.xattr.security.capability": value.decode("latin-1")}
        _owned(archive, entry, 0, 0o755, binary)


def _jailed(target: Path, binary: bytes) -> None:
    """What attempts look for lies in /jail as well."""
    _image(target, binary)
    with tarfile.open(target, "a") as archive:
        for name, uid, mode in (("jail", 0, 0o755), ("jail/closed", FOREIGN, 0o700)):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            _owned(archive, folder, uid, mode, b"")
        for name, uid, mode, data in (
            ("foreign", FOREIGN, 0o444, b"another user's file\n"),
            ("closed/secret", FOREIGN, 0o400, b"another user's secret\n"),
            ("suid-root", 0, 0o4755, binary),
            ("suid-app", 1000, 0o4755, binary),
            ("suid-foreign", FOREIGN, 0o4755, binary),
            ("sealed", FOREIGN, 0o100, binary),
            ("attempts", 0, 0o755, binary),
        ):
            _owned(archive, tarfile.TarInfo(f"jail/{name}"), uid, mode, data)


def _linked(archive: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname, link.mode = tarfile.SYMTYPE, target, 0o777
    archive.addfile(link)


def _without_set_uid_root(target: Path, binary: bytes) -> None:
    write_image(target)
    with tarfile.open(target, "a") as archive:
        add(archive, "attempts", binary, 0o755)
        for name, uid, mode in (
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


def _owned(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, uid: int, mode: int, data: bytes, group: int | None = None
) -> None:
    import io

    entry.uid, entry.gid = uid, uid if group is None else group
    entry.mode, entry.size = mode, len(data)
    archive.addfile(entry, io.BytesIO(data))


# each writes a tar archive; all have busybox and the program
IMAGES: dict[str, Callable[[Path, bytes], None]] = {
    "attempts": _image,
    "without-set-uid": _without_set_uid_root,
    "asking": _asking,
    "disguised": _disguised,
    "out-of-reach": _out_of_reach,
    "of-a-group": _of_a_group,
    "capable": _capable,
    "giving-a-group": _giving_a_group,
    "jailed": _jailed,
}

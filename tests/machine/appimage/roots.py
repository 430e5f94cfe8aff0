"""Root folders of bare Debian releases with nothing but what the AppImage asks for (packaging/appimage/host.txt).

Made by mmdebstrap on first use, and kept where the AppImage's build keeps its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from machine.appimage.started import Person
from rig.places import CHECKOUT
from rig.plan import ordinary_user

USER = 'echo "trial:x:{uid}:{uid}::/home/trial:/bin/sh" >>"$1/etc/passwd"; install -d -o {uid} -g {uid} "$1/home/trial"'
RELEASES = ("bookworm", "trixie")


def packages(release: str) -> tuple[str, ...]:
    """What a system of that release must have."""
    lines = (CHECKOUT / "packaging/appimage/host.txt").read_text().splitlines()
    parts = [line.split("#")[0].strip().split("|") for line in lines if line and not line.startswith("#")]
    return tuple(part[0 if release == "trixie" else -1] for part in parts)


def root(release: str) -> Path:
    """The folder, made where it is not there yet."""
    cache = Path(
        os.environ.get("STRATASCOPE_APPIMAGE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-appimage"
    )
    user = USER.format(uid=ordinary_user()[0])  # fusermount3 mounts for nobody whom the system does not know
    recipe = hashlib.sha256(repr((release, packages(release), user)).encode()).hexdigest()[:16]
    found = cache / f"host-{release}-{recipe}"
    if not found.exists():
        cache.mkdir(parents=True, exist_ok=True)
        for old in cache.glob(f"host-{release}-*"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix="preparing-", dir=cache) as folder:
            made = Path(folder) / "root"
            include = f"--include={','.join(packages(release))}"
            command = ("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", include)
            subprocess.run((*command, f"--customize-hook={user}", release, made), check=True, timeout=280)
            made.rename(found)
    return found


# $1: the root; $2: uid; $3: folders to show in it, one a line; then the command. All of it ends with the command.
SCRIPT = """
root=$1 uid=$2 folders=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
printf '%s\\n' "$folders" | while read -r folder; do
    mkdir -p "$root$folder"
    mount --rbind "$folder" "$root$folder"
done
exec chroot "$root" setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
"""


def inside(release: str, person: Person, *folders: Path) -> tuple[str, ...]:
    """A command to put before another: runs it there, where these folders are seen too. It is to be started by root."""
    shown = "\n".join(map(str, folders))
    where = ("sh", str(root(release)), str(person.uid), shown)
    return ("unshare", "--mount", "--propagation", "private", "sh", "-euc", SCRIPT, *where)

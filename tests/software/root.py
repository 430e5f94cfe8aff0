"""The image of the real software: nginx, Redis and PostgreSQL as Debian packages set them up, started as people do.

No registry is asked: mmdebstrap makes the root file system from the machine's own package sources, once, and keeps it
in the user's cache (STRATASCOPE_SOFTWARE names another folder). One image holds all three, since most of it is the
same and each engine has to import it. The start scripts are ours, but do what those of the official images do.

Decided against unpacking packages without their set-up scripts: users, owners and configuration are what hardening
stumbles over, so they must be Debian's own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from rig.image import add

PACKAGES = ("nginx-light", "redis-server", "postgresql")
# Not needed to serve: the compiler that PostgreSQL may use for long queries, documents, languages
WITHOUT = (
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/i18n/*",
    "/usr/lib/*/libLLVM*",
    "/usr/lib/*/libz3*",
    "/usr/lib/*/perl/*/CORE/*",
    "/usr/lib/*/gconv/*",
    "/usr/lib/postgresql/*/lib/bitcode/*",
    "/usr/lib/postgresql/*/lib/llvmjit*",
)
NO_CLUSTER = (
    'mkdir -p "$1/etc/postgresql-common" && '
    'echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"'
)
# As in the official images: logs go to the container's own, and folders are there that a first start would make
NGINX = (
    'ln -sf /dev/stdout "$1/var/log/nginx/access.log" && ln -sf /dev/stderr "$1/var/log/nginx/error.log" && '
    'cd "$1/var/lib/nginx" && mkdir body fastcgi proxy scgi uwsgi && chown 33 * && chmod 0700 *'  # 33: www-data
)
POSTGRES = 'chroot "$1" install -d -o postgres -g postgres -m 3777 /var/run/postgresql'
SMALLER = 'rm -rf "$1"/usr/share/perl/* "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/info/*'
COMMAND = (
    *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar", "--skip=cleanup/run"),
    f"--include={','.join(PACKAGES)}",
    '--aptopt=Acquire::Check-Valid-Until "false"',
    *(f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT),
    f"--essential-hook={NO_CLUSTER}",
    f"--customize-hook={NGINX}",
    f"--customize-hook={POSTGRES}",
    f"--customize-hook={SMALLER}",
)
BUILD_SECONDS = 250  # a test may take 300

# Both start as root, make the data their own, and become another user; given that user already, they go on at once
REDIS_ENTRY = """#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis '{}' +
    exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
fi
exec redis-server "$@"
"""
POSTGRES_ENTRY = """#!/bin/sh
set -e
bin=$(echo /usr/lib/postgresql/*/bin)
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
    chmod 3777 /var/run/postgresql
    find /var/run/postgresql ! -user postgres -exec chown postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    "$bin/initdb" --auth=trust --no-sync --encoding=UTF8 >/dev/null
    echo 'host all all all trust' >>"$PGDATA/pg_hba.conf"
fi
exec "$bin/postgres" -c listen_addresses='*' "$@"
"""
ENTRIES = (("usr/local/bin/redis-entry", REDIS_ENTRY), ("usr/local/bin/postgres-entry", POSTGRES_ENTRY))


class NoSoftwareError(Exception):
    """Why the image can't be made here."""


def root() -> Path:
    """The root file system as a tar archive, made on first use. Raises NoSoftwareError."""
    cache = Path(
        os.environ.get("STRATASCOPE_SOFTWARE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-software"
    )
    suite, sources = _sources()
    recipe = repr((suite, COMMAND, ENTRIES))
    found = cache / f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.tar"
    if found.exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as folder:
        made = Path(folder) / "root.tar"
        _build(made, suite, sources)
        with tarfile.open(made, "a") as archive:
            for name, text in ENTRIES:
                add(archive, f"./{name}", text.encode(), 0o755)
        made.rename(found)  # another run of the tests may have been faster, with the same
    for old in cache.glob("*.tar"):
        if old != found:
            old.unlink(missing_ok=True)
    return found


def _build(target: Path, suite: str, sources: tuple[str, ...]) -> None:
    if shutil.which("mmdebstrap") is None:
        raise NoSoftwareError("mmdebstrap is not installed")
    if os.geteuid() != 0:
        raise NoSoftwareError("making a root file system takes root")
    command = (*COMMAND, suite, str(target), *sources)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoSoftwareError(f"mmdebstrap was not done in {BUILD_SECONDS} seconds") from None
    if done.returncode != 0:
        raise NoSoftwareError(f"mmdebstrap ended with {done.returncode}:\n{done.stderr[-3000:]}")


def _sources() -> tuple[str, tuple[str, ...]]:
    """The newest suite of Debian that this machine takes packages from, and where from, as lines of a sources.list."""
    listing = ("apt-get", "indextargets", "--format", "$(CODENAME)|$(SITE)|$(REPO_URI)", "Created-By: Packages")
    try:
        text = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoSoftwareError(f"apt-get can't tell this machine's package sources: {error}") from None
    found = [line.split("|") for line in dict.fromkeys(text.split()) if line.count("|") == 2 and "|file:" not in line]
    for suite in ("forky", "trixie", "bookworm"):
        of_suite = [(name, uri) for name, _, uri in found if name in (suite, f"{suite}-updates", f"{suite}-security")]
        if any(name == suite for name, _ in of_suite):
            return suite, tuple(f"deb {uri} {name} main" for name, uri in of_suite)
    raise NoSoftwareError("no package source of Debian")

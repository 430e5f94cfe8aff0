"""The images of the real software: families of Debian packages, set up as Debian does, started as people do.

No registry is asked: mmdebstrap makes a root file system from the machine's own package sources, once, and keeps it in
the user's cache (STRATASCOPE_SOFTWARE names another folder). A family is one image for several programs, since most of
it is the same and each engine has to import it; `roots/FAMILY/` has what is put into it: `setup.sh`, run in there by
root, and `files/`. The start scripts among these do what those of the official images do.

Decided against unpacking packages without their set-up scripts: users, owners and configuration are what hardening
stumbles over, so they must be Debian's own. Against one image for everything: the set-uid programs of one would then
be those of all, and exim and postfix exclude each other.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOTS = Path(__file__).with_name("roots")
PACKAGES = {
    "data": ("redis-server", "postgresql", "memcached", "mariadb-server", "slapd", "ldap-utils", "beanstalkd"),
    "web": ("nginx-light", "apache2", "php-fpm", "haproxy", "lighttpd", "squid", "busybox-static"),
    "login": ("openssh-server", "sudo", "cron", "proftpd-core", "rsyslog", "exim4-daemon-light"),
    "mail": ("postfix", "dovecot-imapd"),
    "net": (
        *("bind9", "bind9-dnsutils", "dnsmasq-base", "nsd", "unbound", "mosquitto", "nats-server"),
        *("stunnel4", "ngircd", "openssl", "rsync"),
    ),
    "runtimes": ("nodejs", "python3-minimal", "python3", "busybox-static", "iputils-ping", "caddy", "perl"),
    "java": ("openjdk-21-jre-headless", "tomcat10"),
    "bench": (
        *("ruby", "ruby-webrick", "php-cli", "php-sqlite3", "git", "tcc", "libc6-dev", "bubblewrap", "sudo"),
        *("supervisor", "vsftpd", "traceroute", "fping", "iputils-ping", "libcap2-bin", "busybox-static"),
    ),
    "kept": ("valkey-server", "valkey-tools", "cron", "mosquitto", "mosquitto-clients", "sqlite3"),
}
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
# Before the packages are set up: none of them makes its first database, since start scripts do that in the volume
# and Java's start needs the folder of manual pages
BEFORE = (
    'mkdir -p "$1/usr/share/man/man1" "$1/etc/postgresql-common" && '
    'echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"'
)
SMALLER = 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/info/*'
BUILD_SECONDS = 800  # a test may take 900


class NoSoftwareError(Exception):
    """Why the image can't be made here."""


def root(family: str) -> Path:
    """The root file system of a family as a tar archive, made on first use. Raises NoSoftwareError."""
    cache = Path(
        os.environ.get("STRATASCOPE_SOFTWARE")
        or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratascope-software"
    )
    suite, sources = _sources()
    command = _command(family)
    recipe = hashlib.sha256(repr((suite, command)).replace(str(ROOTS), "").encode())  # the same from any checkout
    for path in sorted((ROOTS / family).rglob("*")):
        if path.is_file():
            recipe.update(f"{path.relative_to(ROOTS)} {path.stat().st_mode:o}".encode() + path.read_bytes())
    found = cache / f"{family}-{suite}-{recipe.hexdigest()[:16]}.tar"
    if found.exists():
        return found
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as folder:
        made = Path(folder) / "root.tar"
        _build((*command, suite, str(made), *sources))
        made.rename(found)  # another run of the tests may have been faster, with the same
    for old in cache.glob(f"{family}-*.tar"):
        if old != found:
            old.unlink(missing_ok=True)
    return found


def _command(family: str) -> tuple[str, ...]:
    files, setup = ROOTS / family / "files", ROOTS / family / "setup.sh"
    put = f'cp -r --preserve=mode,links {shlex.quote(str(files))}/. "$1/"'
    return (
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=tar", "--skip=cleanup/run"),
        f"--include={','.join(PACKAGES[family])}",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT),
        f"--essential-hook={BEFORE}",
        *((f"--customize-hook={put}",) if files.exists() else ()),
        *((f'--customize-hook=chroot "$1" sh -eu <{shlex.quote(str(setup))}',) if setup.exists() else ()),
        f"--customize-hook={SMALLER}",
    )


def _build(command: tuple[str, ...]) -> None:
    if shutil.which("mmdebstrap") is None:
        raise NoSoftwareError("mmdebstrap is not installed")
    if os.geteuid() != 0:
        raise NoSoftwareError("making a root file system takes root")
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

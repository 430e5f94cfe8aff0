"""What the presets do to real software today, held exactly: a pair that is mended must leave the list of the broken."""

from __future__ import annotations

_BOTH = ("docker", "podman")
# (program, preset): called working, and is not by its deep check, on the kinds of engines that are named
_BROKEN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # no-new-privileges: crontab(1) and exim's own delivery are set-uid or set-gid programs
    ("cron", "recommended", _BOTH),
    ("exim", "recommended", _BOTH),
    # SETUID, SETGID and SYS_CHROOT are taken, which a login or a job needs on demand
    ("sshd", "restricted", _BOTH),
    ("sshd", "strict", _BOTH),
    ("cron", "restricted", _BOTH),
    ("cron", "strict", _BOTH),
    # the same of a server that leaves root in each child, and of a box of tools, which need CHOWN and NET_RAW besides
    ("perl", "restricted", _BOTH),
    ("perl", "strict", _BOTH),
    ("tools", "restricted", _BOTH),
    ("tools", "strict", _BOTH),
    # CHOWN and DAC_OVERRIDE are taken: the volume is another user's
    ("redis-root", "restricted", _BOTH),
    ("redis-root", "strict", _BOTH),
    ("rsyslog", "restricted", _BOTH),
    ("rsyslog", "strict", _BOTH),
)
BROKEN = frozenset((program, preset, kind) for program, preset, kinds in _BROKEN for kind in kinds)
# Rolled back for a worker that was idle and went away, else broken (postdrop is set-gid): a matter of time. To be empty
EITHER = frozenset(("postfix", "recommended", kind) for kind in _BOTH)
# By hand: rolled back for such a worker, which is missed. To be empty
MISSED = frozenset({("postfix", "docker")})
# (program, preset): what the program can do without is known of these, so rolling back is a failure of the preset
MUST = frozenset(
    (
        *((name, "recommended") for name in ("nginx", "redis", "redis-root", "postgres")),
        *((name, preset) for name in ("redis", "postgres") for preset in ("restricted", "strict")),
    )
)

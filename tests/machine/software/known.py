"""What the presets do to real software today, held exactly: a pair that is mended must leave the list of the broken."""

from __future__ import annotations

_BOTH = ("docker", "podman")
# (program, preset, kind of engine): called working, and is not by its deep check. To stay empty
BROKEN: frozenset[tuple[str, str, str]] = frozenset()
# Rolled back for a worker that was idle and went away, else broken (postdrop is set-gid): a matter of time. To be empty
EITHER = frozenset(("postfix", "recommended", kind) for kind in _BOTH)
# By hand: rolled back for such a worker, which is missed. To be empty
MISSED = frozenset({("postfix", "docker")})
# (program, preset): what the program can do without is known of these, so the preset has to hold
MUST = frozenset(
    (
        *((name, "recommended") for name in ("nginx", "redis", "redis-root", "postgres")),
        *((name, preset) for name in ("redis", "postgres") for preset in ("restricted", "strict")),
    )
)

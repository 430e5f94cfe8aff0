"""What the presets do to real software today, held exactly: a pair that is mended must leave the list of the broken."""

from __future__ import annotations

# (program, preset, engine's kind): called working and is not, by its deep check. To be empty
BROKEN: frozenset[tuple[str, str, str]] = frozenset()
# (program, preset): what the program can do without is known of these, so rolling back is a failure of the preset
MUST = frozenset(
    (
        *((name, "recommended") for name in ("nginx", "redis", "redis-root", "postgres")),
        *((name, preset) for name in ("redis", "postgres") for preset in ("restricted", "strict")),
    )
)

"""What Podman itself puts into a container's writable layer, by the options that ask for it. Pure.

Podman adds an entry for a user or group that the image has not to the container's own /etc/passwd and /etc/group. Its
entry is the last line, and whoever adds another one comes after it: so a file whose last line is Podman's counts as
Podman's. That somebody changed another line of it can't be seen without the image's file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from stratascope.core.options.rules import WRITABLE
from stratascope.engines.shared.engine_made import ALWAYS, INIT
from stratascope.engines.shared.json_reader import JsonObject

_USERS, _GROUPS = "/etc/passwd", "/etc/group"
_SYSTEMD = "/var/log/journal"  # a tmpfs in a container with systemd in it, which is in no list of mounts


def made(answer: JsonObject, changed: Collection[str], text_of: Callable[[str, str], str]) -> tuple[str, ...]:
    """Paths. `changed`: what changed at all; `text_of(container, path)`: a file of it, foreign text."""
    config, host = answer.part("Config"), answer.part("HostConfig")
    found = [*ALWAYS, *INIT, config.text("WorkingDir")]
    if config.text("Timezone"):
        found.append("/etc/localtime")
    if config.flag("SystemdMode"):
        found.append(_SYSTEMD)
    if host.flag("ReadonlyRootfs"):
        found += WRITABLE
    user, _, group = config.text("User").partition(":")
    typed = config.texts("CreateCommand") or ()  # --passwd-entry, --group-entry
    for path, number in ((_USERS, user), (_GROUPS, group or user)):
        if path not in changed:
            continue
        line = _last_line(text_of(answer.text("Id"), path))
        if line and (line in typed or line.split(":")[2:3] == [number]):
            found.append(path)
    return tuple(found)


def _last_line(text: str) -> str:
    """The last entry, passwd(5) and group(5); empty where there is none."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")

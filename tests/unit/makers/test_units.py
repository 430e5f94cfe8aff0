"""What systemd says of units is asked once a process, and stays beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from stratascope.core.container import NO_ENGINE, ProfileKind
from stratascope.linux.confined import parse_confined
from stratascope.makers.translate import found_in, raw_of, translate
from stratascope.makers.units import LINE_MAX, Units

SHOWN = "User=www\nNoNewPrivileges=yes\nSystemCallFilter=read write\nId={}\n"


def process(pid: int, unit: str, parent: int = 1, start: int = 5, **more: Any) -> dict[str, Any]:
    return {"pid": pid, "ppid": parent, "start": start, "uid": 0, "comm": "it", "cgroups": [unit], "confined": True,
            "ns": {"mnt": 7}, "exe": "/bin/it", **more}  # fmt: skip


def text(*processes: dict[str, Any]) -> str:
    host = {"host": {"ns": {"mnt": 4}, "depth": 1}, "self": 99}
    first = {"pid": 1, "ppid": 0, "start": 0, "comm": "systemd", "exe": "/usr/lib/systemd/systemd", "ns": {"mnt": 4},
             "cgroups": ["/init.scope"]}  # fmt: skip
    return "\n".join(json.dumps(each) for each in (host, first, *processes))


class Systemd:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], bool]] = []

    def __call__(self, names: Sequence[str], own: bool) -> str:
        self.asked.append((tuple(names), own))
        return "\n".join(SHOWN.format(name) for name in names)


def test_a_service_is_known_with_what_its_unit_asked_also_from_a_capture() -> None:
    found = Units(Systemd(), 1000).told(parse_confined(text(process(10, "/system.slice/web.service"))))
    (service,) = found_in(found)
    assert (service.sandbox.maker, service.sandbox.name) == ("systemd", "web.service")
    assert service.sandbox.asked_text[0][0] == "systemctl show web.service"
    container = translate(raw_of(service.sandbox), NO_ENGINE)
    assert (container.asked.user, container.asked.no_new_privileges) == ("www", True)
    assert container.asked.seccomp is ProfileKind.CUSTOM


def test_each_is_asked_once_and_again_after_its_restart() -> None:
    systemd = Systemd()
    units = Units(systemd, 1000)
    web, child = process(10, "/system.slice/web.service"), process(11, "/system.slice/web.service", 10)
    mine = "/user.slice/user-1000.slice/user@1000.service/app.slice/my.service"
    theirs = mine.replace("1000", "1001")
    for start in (5, 5, 8):
        found = units.told(parse_confined(text({**web, "start": start}, child, process(12, mine), process(13, theirs))))
    assert systemd.asked == [(("web.service",), False), (("my.service",), True), (("web.service",), False)]
    assert [each.pid for each in found.processes if each.files] == [10, 12]
    assert dict(found.processes[3].files) == {"systemctl --user show my.service": SHOWN.format("my.service").strip()}
    units.told(parse_confined(text()))
    assert len(systemd.asked) == 3


def test_what_is_not_answered_is_not_known_and_a_long_line_is_cut() -> None:
    service = parse_confined(text(process(10, "/system.slice/web.service")))
    silent = Units(lambda names, own: "", 0)
    assert silent.told(service) == service
    (found,) = [
        dict(each.files)
        for each in Units(lambda names, own: f"SystemCallFilter={'x' * 9999}\nId=web.service\n", 0)
        .told(service)
        .processes
        if each.files
    ]
    assert max(map(len, found["systemctl show web.service"].split("\n"))) == LINE_MAX + 1

"""Which lines of a configuration have a program do what only root can."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rig.usecases.memory_access import MemoryAccess
from stratascope.core.observation.observation import RefusedCall
from stratascope.core.relaunch.launch_spec import ContainerFile
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.usecases.tighten.configured import Line, lines_of, told
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine
from unit.usecases.tighten.watched import container

CHROOT = RefusedCall("haproxy", "x86_64", "chroot", 1, True, (0,), "/var/lib/haproxy", ())
GROUPS = RefusedCall("web", "x86_64", "setgroups", 1, False, (0, 0), "", ("CAP_SETGID",))
HAPROXY = """global
    # chroot /var/lib/haproxy
    chroot /var/lib/haproxy
    user haproxy
    log /dev/log local0
"""


@dataclass
class Files(MemoryAccess):
    """What is in the container."""

    texts: dict[str, bytes] = field(default_factory=dict)

    def file_inside(self, container: str, path: str, most: int) -> tuple[ContainerFile | None] | None:
        data = self.texts.get(path)
        return (None if data is None else ContainerFile(path, 0o644, data),)


@pytest.mark.parametrize(
    ("command", "refused", "texts", "expected"),
    [
        ("haproxy -f /etc/own.cfg", CHROOT, {"/etc/own.cfg": HAPROXY}, [("/etc/own.cfg", 3)]),
        ("haproxy", CHROOT, {"/etc/haproxy/haproxy.cfg": HAPROXY}, [("/etc/haproxy/haproxy.cfg", 3)]),
        ("haproxy -f/etc/own.cfg", CHROOT, {"/etc/own.cfg": HAPROXY, "/etc/haproxy/haproxy.cfg": HAPROXY},
         [("/etc/own.cfg", 3)]),
        ("haproxy", replace(CHROOT, path="/srv"), {"/etc/haproxy/haproxy.cfg": HAPROXY}, []),
        ("web", replace(GROUPS, by="../web"), {"/etc/../web.conf": "user web"}, []),
        ("web --config=/etc/web.yml", GROUPS, {"/etc/web.yml": "users: 3\nuser: web\ngroup=web\nchroot: /srv\n"},
         [("/etc/web.yml", 2), ("/etc/web.yml", 3)]),
        ("web /bin/web", GROUPS, {"/bin/web": "user web\0"}, []),
        ("web", GROUPS, {}, []),
    ],
)  # fmt: skip
def test_lines(
    command: str, refused: RefusedCall, texts: dict[str, str], expected: list[tuple[str, int]], tmp_path: Path
) -> None:
    files = {path: text.encode() for path, text in texts.items()}
    access = Files(MemoryEngine(), FileJournal(tmp_path), texts=files)
    subject = container()
    subject = replace(subject, container=replace(subject.container, command=command))
    assert [(line.path, line.number) for line in lines_of(access, subject, (refused,))] == expected


def test_what_is_said_of_them_is_no_markup() -> None:
    said = translate(told("33:33", (Line("/etc/a", 3, "  chroot /srv\x1b[2J"),), None))
    assert "/etc/a:3: chroot /srv" in said
    assert "\x1b" not in said
    assert "33:33" in translate(told("33:33", (), None))

"""What sudo asks a process for, by its own rules."""

from __future__ import annotations

import pytest

from stratascope.layers.capabilities.programs import Asks, Identity, Program, Programs, by_sudo
from stratascope.linux.giving_programs import Admitted

SUDO = Program("/usr/bin/sudo", True, 0, 0, False, "sudo", (0, 0, 0o4755), ())
WHO = Identity(1000, (1000, 27), True, True, True)
FREE, AFTER = Admitted("sudo", "u", 1000), Admitted("sudo", "g", 27, asked=True)


@pytest.mark.parametrize(
    ("programs", "asks"),
    [
        (Programs((SUDO,), (FREE, AFTER)), Asks.NOTHING),
        (Programs((SUDO,), (AFTER,)), Asks.PASSWORD),
        (Programs((SUDO,)), Asks.REFUSES),
        (Programs((SUDO,), (Admitted("sudo", "u", 5), Admitted("doas", "u", 1000))), Asks.REFUSES),
        (Programs((SUDO,), (AFTER,), unread=("sudo",)), Asks.UNREAD),
        (Programs((SUDO,), (FREE,), unread=("sudo",)), Asks.NOTHING),
        (Programs((SUDO,), unread=("doas",)), Asks.REFUSES),
        (Programs((SUDO,), writable=(("sudo", (0, 0, 0o666)),)), Asks.NOTHING),
    ],
)
def test_what_it_asks(programs: Programs, asks: Asks) -> None:
    assert by_sudo(programs, WHO, 0) == (SUDO, asks)


@pytest.mark.parametrize(
    "other",
    [
        Program("/usr/bin/su", True, 0, 0, False, "su", (0, 0, 0o4755), ()),  # another program
        Program("/usr/bin/sudo", False, 0, 0, False, "sudo", (0, 0, 0o755), ()),  # without effect there
        Program("/opt/sudo", True, 0, 0, False, "", (0, 0, 0o4755), ()),  # something else by that name
        Program("/usr/bin/sudo", True, 0, 0, False, "sudo", (0, 5, 0o4750), ()),  # not for this user
    ],
)
def test_what_is_no_sudo_of_its(other: Program) -> None:
    assert by_sudo(Programs((other,), (FREE,)), WHO, 0) is None

"""What runs as root inside the virtual machine: a real sudo asked under one set of rules after the other, and `reach`.

Standard library only. Each line of truth has the rules, what sudo really did, and the row of `reach`; `test_sudo.py`
judges them outside. Nothing is cleaned up: the disk is thrown away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

SHARE, OUT = Path("/mnt/share"), Path("/mnt/out")
RULES = Path("/etc/sudoers.d/trial")
NAME, UID, WORD = "user", 1000, "a word of its own"
AS_USER = ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--init-groups")
ID = "/usr/bin/id -u"
# rules, the command that they are about, options of setpriv
CASES = {
    "none": ("", ID),
    "password": ("user ALL=(ALL) ALL", ID),
    "without": ("user ALL=(ALL) NOPASSWD: ALL", ID),
    "one command": ("user ALL=(root) NOPASSWD: /usr/bin/id", ID),
    "the other command": ("user ALL=(root) NOPASSWD: /usr/bin/id\nuser ALL=(root) /usr/bin/true", ID),
    "no run-as": ("user ALL=NOPASSWD: ALL", ID),
    "another user only": ("user ALL=(other) NOPASSWD: ALL", ID),
    "the last one counts": ("user ALL=(ALL) NOPASSWD: ALL\nuser ALL=(ALL) PASSWD: ALL", ID),
    "the last one opens": ("user ALL=(ALL) ALL\nuser ALL=(ALL) NOPASSWD: ALL", ID),
    "of a group": ("%crew ALL=(ALL) NOPASSWD: ALL", ID),
    "of a group by number": ("%#4242 ALL=(ALL) NOPASSWD: ALL", ID),
    "of another group": ("%other ALL=(ALL) NOPASSWD: ALL", ID),
    "by number": ("#1000 ALL=(ALL) NOPASSWD: ALL", ID),
    "everybody": ("ALL ALL=(ALL) NOPASSWD: ALL", ID),
    "all but it": ("ALL, !user ALL=(ALL) NOPASSWD: ALL", ID),
    "by an alias": ("User_Alias OPS = nobody, user\nOPS ALL=(ALL) NOPASSWD: ALL", ID),
    "by no authentication": ("Defaults !authenticate\nuser ALL=(ALL) ALL", ID),
    "by its own no authentication": ("Defaults:user !authenticate\nuser ALL=(ALL) ALL", ID),
    "another's no authentication": ("Defaults:other !authenticate\nuser ALL=(ALL) ALL", ID),
    "another machine": ("user elsewhere=(ALL) NOPASSWD: ALL", ID),
    "a command alias": ("Cmnd_Alias LOOK = /usr/bin/id, /usr/bin/w\nuser ALL=(root) NOPASSWD: LOOK", ID),
    "broken over lines": ("user ALL=(ALL) \\\n  NOPASSWD: \\\n  ALL", ID),
    "a comment": ("# user ALL=(ALL) NOPASSWD: ALL", ID),
    "all commands but one": ("user ALL=(ALL) NOPASSWD: ALL, !/usr/bin/su", ID),
    "no new privileges": ("user ALL=(ALL) NOPASSWD: ALL", ID),
}


def tried(options: tuple[str, ...], command: str) -> str:
    """nothing, password or refuses: what sudo asks this user for."""
    words = (*AS_USER, *options, "sudo", "-k")
    quiet = subprocess.run(
        (*words, "-n", *command.split()), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if quiet.returncode == 0 and quiet.stdout.strip() == "0":
        return "nothing"
    told = subprocess.run(
        (*words, "-S", *command.split()), capture_output=True, text=True, check=False, input=f"{WORD}\n"
    )
    return "password" if told.returncode == 0 and told.stdout.strip() == "0" else "refuses"


def reach(pid: int) -> dict[str, object] | None:
    environment = {**os.environ, "PYTHONPATH": f"{SHARE}/checkout/app:{SHARE}/site", "PYTHONDONTWRITEBYTECODE": "1"}
    command = (sys.executable, "-m", "stratascope", "reach", str(pid), "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return next((row for row in json.loads(done.stdout)["rows"] if row["id"] == "sudo"), None)


def main() -> None:
    subprocess.run(("chpasswd",), input=f"{NAME}:{WORD}\n", text=True, check=True)
    subprocess.run(("groupadd", "-g", "4242", "crew"), check=True)
    subprocess.run(("usermod", "-aG", "crew", NAME), check=True)
    truth = {}
    for name, (rules, command) in CASES.items():
        RULES.write_text(f"{rules}\n")
        RULES.chmod(0o440)
        options = ("--no-new-privs",) if name == "no new privileges" else ()
        process = subprocess.Popen((*AS_USER, *options, "sleep", "1000"))
        try:
            truth[name] = {"did": tried(options, command), "row": reach(process.pid)}
        finally:
            process.kill()
            process.wait()
    (OUT / "truth.json").write_text(json.dumps(truth, indent=1))


try:
    main()
except BaseException:
    (OUT / "trouble.txt").write_text(traceback.format_exc())
    raise

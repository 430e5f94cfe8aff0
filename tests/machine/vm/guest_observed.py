"""What runs as root inside the virtual machine for the observer: a kernel without the tracepoint for capability checks.

Standard library only. Programs run in a control group of version 2 that is observed; a second observer is killed. Its
lines, and what is left in tracefs, go out.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import traceback
from pathlib import Path

from machine.vm.guest import OUT, SHARE

EVENTS = Path("/sys/kernel/tracing/kprobe_events")
GROUP = Path("/sys/fs/cgroup/strata-observed")
RAN = (
    ("chown", "5", "/root"),
    ("chown", "0", "/root"),
    ("chroot", "/", "true"),
    ("su", "user", "-c", "cat /etc/shadow"),  # which PAM takes to a control group of its own session
    ("setpriv", "--reuid=1000", "--clear-groups", "sh", "-c", "cat /etc/shadow; sleep 1; cat /etc/shadow; sleep 1"),
)
DRIVER = f"""
import sys, threading
sys.path[:0] = ["{SHARE}/checkout/app", "{SHARE}/site"]
from stratascope.core.observation.fold import is_use
from stratascope.core.observation.events import Check
from stratascope.linux.capability import name_of
from stratascope.probe.helper.elevated import ways
from stratascope.probe.observer import ObservationTarget, observe
started = []
watched = observe(ways({{}}), ObservationTarget(0, group="/{GROUP.name}"), started=started)
threading.Thread(target=lambda: (sys.stdin.readline(), watched.close()), daemon=True).start()
print(started[-1].child.pid, flush=True)
for event in watched:
    used = name_of(event.capability) if isinstance(event, Check) and is_use(event) else ""
    print(type(event).__name__, used, event, flush=True)
"""


def observed(kill: bool) -> dict[str, object]:
    """The lines of one observation, and what stood in tracefs during it and after."""
    child = subprocess.Popen(
        ["python3", "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    output = child.stdout
    observer = int(output.readline())
    lines = [output.readline().rstrip("\n")]
    reading = threading.Thread(target=lambda: lines.extend(line.rstrip("\n") for line in output))
    reading.start()
    during = EVENTS.read_text()
    for command in RAN:
        subprocess.run(("sh", "-c", f'echo $$ > {GROUP}/cgroup.procs; exec "$@"', "sh", *command), check=False)
    if kill:
        os.kill(observer, 9)
    else:
        child.stdin.write("\n")
    child.stdin.close()
    reading.join()
    child.wait()
    for _ in range(300):
        if not EVENTS.read_text():
            break
        time.sleep(0.1)
    return {"lines": lines, "during": during, "after": EVENTS.read_text()}


def main() -> None:
    found: dict[str, object] = {}
    try:
        GROUP.mkdir()
        found = {"whole": observed(kill=False), "killed": observed(kill=True)}
    except Exception:  # noqa: BLE001  it has to reach the tests, whatever it is
        (OUT / "trouble.txt").write_text(traceback.format_exc())
    (OUT / "truth.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()

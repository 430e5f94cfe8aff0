"""Runs inside the virtual machine, beside `guest.py`: reads one process through pipes, as other users, and prints it.

Arguments: a PID. Prints JSON: for each way, for each reading its text, or the kind of its gap and the errno.
"""

from __future__ import annotations

import json
import sys

from stratascope.core.capture import Capture
from stratascope.core.ports import ProbeError, Prober, Wish
from stratascope.probe.local import LocalProber
from stratascope.probe.piped import PipedProber

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
STEADY = (
    "attr/current",
    "cgroup",
    "gid_map",
    "mountinfo",
    "setgroups",
    "status",
    "uid_map",
    *(f"ns/{k}" for k in KINDS),
)
WAYS: dict[str, Prober] = {
    "local": LocalProber(),
    "sudo": PipedProber(("sudo", "-n", "-u", "user", "--"), limit=60),
    "nsenter": PipedProber(("nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--pid"), limit=60),
    "inner": PipedProber(("unshare", "--fork", "--pid", "--mount-proc"), limit=60),
    "refused": PipedProber(("sudo", "-n", "-u", "user", "sudo", "-n"), limit=60),
}


def printed(capture: Capture) -> dict[str, object]:
    """Each reading as its text, or as [kind, errno]."""
    return {
        reading.name: reading.text if reading.gap is None else [reading.gap.kind.value, reading.gap.errno]
        for reading in capture.readings
    }


def asked(prober: Prober, pid: int) -> dict[str, object]:
    """What this way gives, and as whom it reads; or the words of its failure."""
    try:
        found = prober.capture((Wish(pid, STEADY),))[0].first
        return {"uid": prober.host().text("id:uid"), "readings": printed(found)}
    except ProbeError as error:
        return {"failed": error.words}
    finally:
        prober.close()


def main() -> None:
    pid = int(sys.argv[1])
    sys.stdout.write(json.dumps({name: asked(prober, pid) for name, prober in WAYS.items()}))


if __name__ == "__main__":
    main()

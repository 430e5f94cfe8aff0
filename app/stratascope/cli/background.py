"""`background`: record the history without a window, until it is ended by a signal. What the user service runs.

Exit codes: 0 ended as asked, or (`--status`) it runs; 1 it does not run; 2 it runs already, or can't.
"""

from __future__ import annotations

import argparse
import gc
import json
import signal
import time

from stratascope.cli.output import complain, say, write
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.state.running_service import Running, ServiceMark, running

DONE, ABSENT, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    if arguments.status:
        return _status(running(), as_json=arguments.json)
    mark = ServiceMark()
    if not mark.claim():
        complain(translate(msg("Stratascope is already recording in the background.")))
        return FAILED
    from stratascope.wiring.background import background_service

    service = background_service(mark)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # nohup(1) means: keep running
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: service.end())
    gc.enable()  # unlike other commands it stays
    try:
        service.run()
    finally:
        mark.release()
    return DONE


def _status(found: Running | None, *, as_json: bool) -> int:
    if as_json:
        write(json.dumps(None if found is None else _document(found), indent=2) + "\n")
    elif found is None:
        say(translate(msg("Nothing is recorded in the background.")))
    else:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.since))
        say(translate(msg("Recording in the background since {moment}, PID {pid}.", moment=since,
                            pid=str(found.pid))))  # fmt: skip
        if found.trouble:
            say(plain(found.trouble, 1000))
        if found.waiting:
            say(translate(msg("The window records meanwhile; the service goes on when it is closed.")))
        if found.notices:
            say(translate(msg("Desktop notices are on.")))
    return ABSENT if found is None else DONE


def _document(found: Running) -> dict[str, object]:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(found.since))
    return {"pid": found.pid, "since": since, "recording": found.recording, "waiting": found.waiting,
            "notices": found.notices, "tray": found.tray,
            "trouble": found.trouble or None}  # fmt: skip

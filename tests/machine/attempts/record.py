"""Tries everything on all four engines, and keeps what came of it in `recorded/`: `python -m machine.attempts.record`.

Needed anew where a layer reads something that the recorded captures have not.
"""

from __future__ import annotations

import sys

from machine.attempts.configurations import CONFIGURATIONS, ISOLATED
from machine.attempts.trial import RECORDED, dumps, run
from rig.engine import KINDS, complete, launch


def main() -> None:
    RECORDED.mkdir(exist_ok=True)
    for kind in sys.argv[1:] or KINDS:
        rig = complete(launch(kind))
        try:
            trial = run(rig, (*CONFIGURATIONS, *(item.configuration for item in ISOLATED)))
        finally:
            rig.close()
        (RECORDED / f"{kind}.json.xz").write_bytes(dumps(trial, rig))


if __name__ == "__main__":
    main()

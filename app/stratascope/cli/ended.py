"""Why a container ended, printed: what `denials` answers of one that does not run."""

from __future__ import annotations

import json

from stratascope.cli.output import style, write
from stratascope.core.denials.ended.ending import Ending
from stratascope.presentation import ending_report


def tell(ending: Ending, *, as_json: bool) -> None:
    """One object `{"ended": …}`, or lines for people."""
    if as_json:
        write(json.dumps({"ended": ending_report.json_object(ending)}, ensure_ascii=False) + "\n")
    else:
        write("\n".join(ending_report.lines(ending, style())) + "\n")

"""Why a container ended, printed: what `denials` answers of one that does not run."""

from __future__ import annotations

import json
from collections.abc import Sequence

from stratascope.cli.output import style, write
from stratascope.core.denials.denial import Denial
from stratascope.core.snapshot import ContainerState
from stratascope.presentation import ending_report
from stratascope.usecases.denials.ended import Remedies, why_ended
from stratascope.usecases.engine_access import EngineAccess


def tell(
    access: EngineAccess,
    state: ContainerState,
    refusals: Sequence[Denial] = (),
    remedies: Remedies = lambda claim: (),
    *,
    as_json: bool = False,
) -> None:
    """Ask and print. Raises EngineError, NoSuchContainerError."""
    ending = why_ended(access, state, refusals, remedies)
    if as_json:
        write(json.dumps({"ended": ending_report.json_object(ending)}, ensure_ascii=False) + "\n")
    else:
        write("\n".join(ending_report.lines(ending, style())) + "\n")

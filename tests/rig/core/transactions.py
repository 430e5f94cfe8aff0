"""A relaunch as it is written down."""

from __future__ import annotations

from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind

PLAIN = Transaction(
    id="0123456789abcdef",
    kind=TransactionKind.HARDEN,
    stage=Stage.DONE,
    engine="docker",
    endpoint="unix:///e",
    name="web",
    old="a" * 64,
    new="b" * 64,
    created=True,
    old_aside="web.old",
    new_aside="web.new",
    restart=RestartPolicy(),
    new_restart=RestartPolicy("always"),
    was_running=True,
    stop_timeout=10,
    started_at=1.0,
)

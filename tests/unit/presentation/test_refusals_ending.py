"""Why a container ended, as JSON (a contract) and as lines."""

from __future__ import annotations

import json

from stratascope.core.message import age, msg
from stratascope.core.refusals.ended.ending import Cause, Ending, Fact, Phase, Source
from stratascope.core.refusals.refusal import Claim, RefusalRemedy, Strength
from stratascope.layers.toggles import choice_of
from stratascope.presentation import refusals_report
from stratascope.presentation.terminal import Style

GUESS = Claim("namespaces", msg("It can't write there: its root filesystem is read-only."), Strength.LEFT)
CAUSE = Cause(
    GUESS,
    msg("The last line of its log says so."),
    "touch: /x\x1b[31m: Read-only file system",
    (
        RefusalRemedy(
            msg("{name}={value}", name="tmpfs", value="/x"), choice_of("tmpfs", "/x"), ("write-root-file-system",)
        ),
    ),
)
OTHER = Cause(Claim("image", msg("The library {name} is missing from its image.", name="x"), Strength.SAID), msg("So."))
ENDING = Ending(
    "docker",
    "1" * 64,
    "we\u202eb",
    Phase.EXITED,
    msg("It ended by itself, with exit code {code}.", code=1),
    exit_code=1,
    begun=1.0,
    ended=2.0,
    facts=(Fact(msg("It ran for {age}.", age=age(1.0)), Source.ENGINE),
           Fact(msg("Its last output: {line}", line="touch: /x"), Source.LOG)),
    cause=CAUSE,
    others=(OTHER,),
    log=("first", "touch: /x"),
)  # fmt: skip


def test_the_object_of_the_contract() -> None:
    told = json.loads(json.dumps(refusals_report.ending_object(ENDING)))
    assert {key: told[key] for key in ("engine", "state", "exit_code", "signal", "out_of_memory", "restarts")} == {
        "engine": "docker", "state": "exited", "exit_code": 1, "signal": None, "out_of_memory": False, "restarts": 0,
    }  # fmt: skip
    assert told["facts"][0] == {"source": "engine", "text": "It ran for 1 second."}
    cause = told["cause"]
    assert (cause["layer"], cause["certain"]) == ("namespaces", False)
    assert cause["remedies"][0]["toggle"] == "tmpfs"
    assert cause["evidence"] == "touch: /x\\x1b[31m: Read-only file system"
    assert told["others"][0]["certain"] is True
    assert told["log"] == ["first", "touch: /x"]


def test_lines_say_that_a_guess_is_one() -> None:
    text = "\n".join(refusals_report.ending_lines(ENDING, Style()))
    assert "Namespaces: It can't write there" in text
    assert "This is a guess. The last line of its log says so." in text
    assert "Other possible reasons:\n  The library x is missing" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Its last output" not in text, "the line stands below as what the guess stands on"


def test_what_nothing_explains_is_said() -> None:
    text = "\n".join(
        refusals_report.ending_lines(Ending("e", "1", "web", Phase.EXITED, msg("It is running."), exit_code=3), Style())
    )
    assert "Neither its engine nor the kernel nor its log says why." in text

"""A damaged capture is told in words: a person can see where it broke."""

from __future__ import annotations

import pytest

from stratascope.core.ports import ProbeError
from stratascope.i18n.translate import translate
from stratascope.state import capture_file

HEAD = '{"format": "stratascope-capture", "version": 1, "record": '


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "It is empty."),
        ("\n{", "It ends in the middle of line 2: it was not written or copied completely."),
        ('{"format": ,}', "It is not JSON at line 1, column 12."),
        ("[" * 100000, "It is nested too deeply."),
        (HEAD + "3}", "record is a number, not an object."),
        (HEAD + '{"taken_at": "x"}}', "taken_at is a string, not a number."),
        (HEAD + '{"taken_at": 1}}', "record has no host."),
        (
            HEAD + '{"taken_at": 1, "host": {"pid": 0, "readings": []}, "engines": [], "containers": [{"raw": 1}]}}',
            "containers[0].raw is a number, not an object.",
        ),
    ],
)
def test_what_is_wrong_stands_in_words(text: str, told: str) -> None:
    with pytest.raises(ProbeError) as caught:
        capture_file.loads(text, "x.json")
    assert translate(caught.value.message) == f"The capture x.json is damaged. {told}"


def test_no_words_of_a_library(tmp_path: object) -> None:
    for text in (HEAD + "{}}", HEAD + '{"taken_at": null}}', HEAD + '{"host": []}}', "{", "nul"):
        with pytest.raises(ProbeError) as caught:
            capture_file.loads(text, "x.json")
        said = translate(caught.value.message)
        assert not any(each in said for each in ("`", "$", "Expected", "Object", "char ")), said

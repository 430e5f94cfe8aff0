"""What comes back from a port, reduced to a shape; and which shapes count as the same reply."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from rig.usecases.memory_access import Seconds
from stratascope.core.container import AskedPort
from stratascope.core.relaunch.evidence import Ask, Heard, PortReply, Question, Reply
from stratascope.usecases.evidence.answers import (
    PORTS_MAX,
    answer_of,
    answered,
    asks,
    changed_replies,
    compared,
    not_compared,
    published,
    same_reply,
    shows,
)

FIRST = Question.FIRST


def heard(data: bytes, *, asked: bool = False, closed: bool = False) -> Heard:
    return Heard(22, FIRST, taken=True, asked=asked, closed=closed, data=data)


def said(data: bytes) -> tuple[Reply, str]:
    found = answer_of(heard(data, asked=True))
    return found.reply, found.shape


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "SSH-#.#-OpenSSH_#.#p# Debian-#+deb#u#"),
        (b"220 mail.example.org ESMTP Exim 4.96 Fri, 27 Nov 2026 16:00:00 +0000\r\n", "220"),
        (b"220-first of several\r\n220 last\r\n", "220"),
        (b"+OK <1896.697170952@dbc.mtview.ca.us>\r\n", "+OK …"),
        (b"+OK pop.example.org ready\r\n", "+OK …"),
        (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "* OK"),
        (b"* BYE no more\r\n", "* BYE"),
        (b"-ERR unknown command 'HEAD', with args beginning with: '/' 'HTTP/1.0' \r\n", "-ERR unknown"),
        (b"-NOAUTH Authentication required.\r\n", "-NOAUTH Authentication"),
        (b"ERROR\r\n", "ERROR"),
        (b'INFO {"server_id":"NDOPYT2CWZR4NFWNFYBB","go":"1"} \r\n', 'INFO {"server_id":"#","go":"#"}'),
        (b"J\x00\x00\x00\n5.5.5-10.11.6-MariaDB\x00random", ""),  # a protocol of its own
        (b"\x15\x03\x03\x00\x02\x02\x28", ""),
        ("220\u00e9".encode(), ""),
        (b"a" * 5000, "a" * 60),
    ],
)
def test_of_text_the_first_words_without_what_differs(data: bytes, shape: str) -> None:
    assert said(data) == (Reply.TEXT, shape)


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"HTTP/1.1 200 OK\r\nServer: x\r\n", "200"), (b"HTTP/1.0 404\r\n", "404"), (b"HTTP/2 502 Bad Gateway\n", "502")],
)
def test_of_http_the_status(data: bytes, status: str) -> None:
    assert said(data) == (Reply.HTTP, status)


def test_what_says_nothing() -> None:
    assert answer_of(Heard(1, FIRST)).reply is Reply.NONE
    assert answer_of(heard(b"", asked=True)).reply is Reply.SILENT
    late, early = answer_of(heard(b"", asked=True, closed=True)), answer_of(heard(b"", closed=True))
    assert (late.reply, late.shape, early.shape) == (Reply.CLOSES, "", "at once")
    assert answer_of(heard(b"220 ready\r\n")).first
    assert not answer_of(heard(b"ERROR\r\n", asked=True)).first


@given(some.binary(max_size=300), some.booleans(), some.booleans())
def test_whatever_comes_back_the_shape_is_short_and_printable(data: bytes, asked: bool, closed: bool) -> None:
    shape = answer_of(heard(data, asked=asked, closed=closed)).shape
    assert len(shape) <= 60
    assert shape.replace("…", "").isascii()
    assert shape.isprintable()


def of(reply: Reply, shape: str = "") -> PortReply:
    return PortReply(80, reply, shape)


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        (of(Reply.HTTP, "200"), of(Reply.HTTP, "200"), True),
        (of(Reply.HTTP, "200"), of(Reply.HTTP, "500"), False),
        (of(Reply.HTTP, "200"), of(Reply.HTTP, "403"), False),
        (of(Reply.HTTP, "200"), of(Reply.CLOSES), False),
        (of(Reply.HTTP, "200"), of(Reply.SILENT), False),
        (of(Reply.HTTP, "200"), of(Reply.NONE), False),
        (of(Reply.HTTP, "503"), of(Reply.HTTP, "200"), True),  # it was not ready yet
        (of(Reply.HTTP, "503"), of(Reply.NONE), False),
        (of(Reply.TEXT, "220"), of(Reply.TEXT, "220"), True),
        (of(Reply.TEXT, "220"), of(Reply.TEXT, "421"), False),
        (of(Reply.TEXT, "220"), of(Reply.CLOSES, "at once"), False),
        (of(Reply.CLOSES), of(Reply.CLOSES), True),
        (of(Reply.CLOSES), of(Reply.CLOSES, "at once"), False),  # a child that fails before it reads
        (of(Reply.CLOSES), of(Reply.SILENT), False),  # nobody takes it from the kernel
        (of(Reply.CLOSES, "at once"), of(Reply.CLOSES), True),
        (of(Reply.SILENT), of(Reply.SILENT), True),
        (of(Reply.SILENT), of(Reply.TEXT, "220"), True),
        (of(Reply.SILENT), of(Reply.NONE), False),
        (of(Reply.NONE), of(Reply.NONE), True),
    ],
)
def test_what_is_alike(was: PortReply, now: PortReply, same: bool) -> None:
    assert same_reply(was, now) is same
    assert changed_replies((was,), (now,)) == (() if same else ((was, now),))


def test_what_shows_that_a_program_serves() -> None:
    assert shows(of(Reply.TEXT, "220"))
    assert shows(of(Reply.HTTP, "404"))
    for nothing in (of(Reply.HTTP, "502"), of(Reply.CLOSES), of(Reply.SILENT), of(Reply.NONE)):
        assert not shows(nothing)
        assert compared((nothing,), (nothing,)) == ()
        assert len(not_compared((80,), (nothing,), (nothing,))) == 1


def test_what_was_not_asked_is_neither_alike_nor_other() -> None:
    was = of(Reply.HTTP, "200")
    assert changed_replies((was,), ()) == ()
    assert compared((was,), ()) == ()
    assert [dict(text.args) for text in not_compared((80, 81), (was,), ())] == [{"ports": "80, 81"}]


def test_a_greeting_is_not_all_that_a_server_does() -> None:
    greeting = PortReply(22, Reply.TEXT, "SSH-#.#", first=True)
    page = PortReply(80, Reply.HTTP, "200")
    both = (greeting, page)
    assert [dict(text.args) for text in not_compared((22, 80), both, both)] == [{"port": 22}]


def test_not_more_ports_than_can_be_asked_side_by_side() -> None:
    assert len(asks(range(1, 100))) == PORTS_MAX
    assert {ask.question for ask in asks((80,), thorough=True)} == set(Question)


def test_what_speaks_first_is_waited_for_and_what_does_not_is_asked_at_once() -> None:
    before = (PortReply(22, Reply.TEXT, "SSH", first=True), of(Reply.HTTP, "200"), PortReply(514, Reply.SILENT))
    ssh, http, log = asks((22, 80, 514), before)
    assert ssh.listen > 1
    assert http.listen == 0
    assert log.reply < http.reply


def test_it_is_asked_again_until_it_answers_as_before() -> None:
    """A server that is not ready yet answers with an error of its own."""
    left = [of(Reply.NONE), of(Reply.HTTP, "503"), of(Reply.HTTP, "200")]
    seconds = Seconds()

    def hear(container: str, wanted: Sequence[Ask]) -> tuple[PortReply, ...]:
        assert [ask.port for ask in wanted] == [80]
        return (left.pop(0),)

    was = (of(Reply.HTTP, "200"), PortReply(81, Reply.NONE))
    found = answered(hear, "x", was[:1], seconds.clock(), until=10, again=1, go_on=lambda: None)
    assert (found, left) == ((of(Reply.HTTP, "200"),), [])


def test_it_is_not_asked_for_ever() -> None:
    seconds, asked = Seconds(), list[int]()

    def hear(container: str, wanted: Sequence[Ask]) -> tuple[PortReply, ...]:
        asked.append(1)
        return (of(Reply.HTTP, "500"),)

    found = answered(hear, "x", (of(Reply.HTTP, "200"),), seconds.clock(), until=5, again=1, go_on=lambda: None)
    assert (found, len(asked)) == ((of(Reply.HTTP, "500"),), 6)


def test_where_it_is_published() -> None:
    ports = (
        AskedPort("80/tcp", "", "8080"),
        AskedPort("80/tcp", "::", "8080"),
        AskedPort("53/udp", "", "5353"),
        AskedPort("443/tcp", "192.0.2.7", "8443"),
        AskedPort("22/tcp", "", ""),
    )
    assert published(ports) == {80: (("127.0.0.1", 8080), ("::1", 8080)), 443: (("192.0.2.7", 8443),)}

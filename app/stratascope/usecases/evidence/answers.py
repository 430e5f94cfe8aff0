"""Compares a container's replies at its TCP ports before and after a relaunch. Pure, except that the caller's `hear`
connects.

An accepted connection proves little: the kernel accepts it even if the program can no longer serve it. So the reply
counts, reduced to its shape: an HTTP status, or the first words of a greeting. Replies are untrusted text: they are
bounded, and only printable ASCII is kept. Decided against comparing whole replies: dates, host names and numbers
change each time, and a page may contain anything.

A server that only closes the connection or stays silent proves no more than that it accepts connections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stratascope.core.container import AskedPort
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.evidence import Ask, Clock, Heard, PortReply, Question, Reply

PORTS_MAX = 16  # ports to probe, lowest first
_LISTEN, _REPLY = 0.25, 3.0  # seconds for a port whose behaviour is not known
_AGREED = 5.0  # seconds for a port that replied before
_HOPELESS = 0.5  # … and for one that did not
# Servers that speak first, some only after a reverse DNS lookup: FTP, SSH, SMTP, POP3, IMAP, MySQL
_GREETERS = frozenset((21, 22, 25, 110, 143, 587, 3306))
_GREETING = 3.0

_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

_HTTP = re.compile(r"HTTP/[0-9](?:\.[0-9])? ([0-9]{3})").match
_CODE = re.compile(r"([0-9]{3})[ -]").match  # of SMTP, FTP and the like: RFC 5321 4.2, RFC 959 4.2
_RANDOM = re.compile("(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16,}")  # an id made at each start, such as that of NATS
_NUMBER = re.compile("[0-9]+")
_HOST = re.compile(r"<.*>?|\[.*\]?|[A-Za-z0-9_#-]+(?:\.[A-Za-z0-9_#-]+)+\.?").fullmatch
_WORDS, _SHAPE_MOST = 2, 60

Hear = Callable[[str, Sequence[Ask]], tuple[PortReply, ...] | None]


NOT_EXERCISED = msg("No test command was given, so what it does on request was not tried.")


def asks(ports: Sequence[int], like: Sequence[PortReply] = (), *, thorough: bool = False) -> tuple[Ask, ...]:
    """Probes for these ports. `like`: the earlier replies, which set the timeouts; `thorough`: for twins."""
    known = {each.port: each for each in like if each.question is Question.FIRST}
    found = []
    for port in sorted(ports)[:PORTS_MAX]:
        was = known.get(port)
        if was is None:
            listen, reply = _GREETING if port in _GREETERS else _LISTEN, _REPLY
        else:
            listen = _AGREED if was.first else 0.0
            reply = _HOPELESS if was.reply is Reply.SILENT else _AGREED
        found.append(Ask(port, listen, reply))
        if thorough:
            found.append(Ask(port, listen, reply, Question.MORE))
    return tuple(found)


def published(ports: Sequence[AskedPort]) -> dict[int, tuple[tuple[str, int], ...]]:
    """Host addresses where the engine publishes the container's TCP ports, by container port."""
    found: dict[int, tuple[tuple[str, int], ...]] = {}
    for port in ports:
        number, _, protocol = port.container_port.partition("/")
        if protocol in ("", "tcp") and number.isdecimal() and port.host_port.isdecimal():
            host = _ANY.get(port.host_ip, port.host_ip)
            found[int(number)] = (*found.get(int(number), ()), (host, int(port.host_port)))
    return found


def answer_of(heard: Heard) -> PortReply:
    """Reduce a raw reply to its shape."""
    first = bool(heard.data) and not heard.asked
    if not heard.taken:
        return PortReply(heard.port, Reply.NONE, question=heard.question)
    if not heard.data:
        if not heard.closed:
            return PortReply(heard.port, Reply.SILENT, question=heard.question)
        return PortReply(heard.port, Reply.CLOSES, "" if heard.asked else "at once", question=heard.question)
    line = heard.data.partition(b"\n")[0].decode("latin-1").rstrip()
    status = _HTTP(line)
    if status is not None:
        return PortReply(heard.port, Reply.HTTP, status[1], first, heard.question)
    return PortReply(heard.port, Reply.TEXT, _folded(line), first, heard.question)


def _folded(line: str) -> str:
    if not (line.isascii() and line.replace("\t", " ").isprintable()):
        return ""  # a binary protocol: its bytes may hold anything, so none are kept
    code = _CODE(line)
    if code is not None:
        return code[1]
    words = (_NUMBER.sub("#", _RANDOM.sub("#", word)) for word in line.split()[:_WORDS])
    return " ".join("…" if place and _HOST(word) else word for place, word in enumerate(words))[:_SHAPE_MOST]


def same_reply(was: PortReply, now: PortReply) -> bool:
    """Whether a port replies as before. One that was silent before may stay silent or reply: neither is worse."""
    if now.reply is Reply.NONE:
        return was.reply is Reply.NONE
    match was.reply:
        case Reply.TEXT | Reply.HTTP if shows(was):
            return (now.reply, now.shape) == (was.reply, was.shape)
        case Reply.CLOSES:  # the program accepted the connection, since the kernel alone would not close it
            return now.reply is not Reply.SILENT and (bool(was.shape) or not now.shape or now.reply is not Reply.CLOSES)
    return True


def changed_replies(before: Sequence[PortReply], now: Sequence[PortReply]) -> tuple[tuple[PortReply, PortReply], ...]:
    """Pairs (before, now) of replies that changed. Ports that could not be probed again are left out."""
    found = {(each.port, each.question): each for each in now}
    pairs = ((was, found.get((was.port, was.question))) for was in before)
    return tuple((was, there) for was, there in pairs if there is not None and not same_reply(was, there))


def shows(was: PortReply) -> bool:
    """Whether such a reply proves that the program serves: it has content, and is no HTTP server error."""
    return was.reply is Reply.TEXT or (was.reply is Reply.HTTP and not was.shape.startswith("5"))


def in_words(answer: PortReply) -> Message:
    """The reply as a message for people. Its shape is untrusted text, of printable characters only."""
    match answer.reply:
        case Reply.HTTP:
            return msg("HTTP {code}", code=answer.shape)
        case Reply.TEXT if answer.shape:
            return msg("“{text}”", text=answer.shape)
        case Reply.TEXT:
            return msg("bytes of its own protocol")
        case Reply.CLOSES:
            return msg("closes the connection")
        case Reply.SILENT:
            return msg("accepts connections and sends nothing")
    return msg("accepts no connections")


def compared(before: Sequence[PortReply], now: Sequence[PortReply]) -> tuple[Message, ...]:
    """Evidence that the container serves: ports that reply as before, given that there are no `changed_replies`."""
    there = {each.port for each in now}
    told = [each for each in before if each.question is Question.FIRST and shows(each) and each.port in there]
    return tuple(msg("Port {port} answers as before: {answer}", port=each.port, answer=in_words(each)) for each in told)


def not_compared(ports: Sequence[int], before: Sequence[PortReply], now: Sequence[PortReply]) -> tuple[Message, ...]:
    """Ports whose replies prove nothing or little, and ports that were not probed."""
    there = {each.port for each in now}
    answered = {each.port: each for each in before if each.question is Question.FIRST and each.port in there}
    found = [
        msg("What port {port} serves was not seen: {answer}", port=port, answer=in_words(each))
        for port, each in answered.items()
        if not shows(each)
    ]
    found += [
        msg("What follows the greeting at port {port}, such as a login, was not tried.", port=port)
        for port, each in answered.items()
        if each.first and shows(each)
    ]
    rest = [port for port in ports if port not in answered]
    if rest:
        found.append(msg("These ports were not tested: {ports}.", ports=", ".join(map(str, rest))))
    return tuple(found)


def differs(pair: tuple[PortReply, PortReply]) -> Message:
    """The reason for a failure: one port replies differently."""
    was, now = pair
    return msg("Port {port} answers differently than before: {before}, now {now}", port=was.port,
               before=in_words(was), now=in_words(now))  # fmt: skip


def answered(
    hear: Hear,
    container: str,
    before: Sequence[PortReply],
    clock: Clock,
    *,
    until: float,
    again: float,
    go_on: Callable[[], None],
) -> tuple[PortReply, ...] | None:
    """Probe until all ports reply as `before`, or until `until`. `go_on` is called between rounds, and raises to stop.

    None: the ports can't be reached.
    """
    known: dict[tuple[int, Question], PortReply] = {}
    left = tuple(before)
    while True:
        thorough = any(each.question is Question.MORE for each in left)
        now = hear(container, asks(sorted({each.port for each in left}), before, thorough=thorough))
        if now is None:
            return None
        known.update({(each.port, each.question): each for each in now})
        left = tuple(was for was, _ in changed_replies(before, tuple(known.values())))
        if not left or clock.now() >= until:
            return tuple(known.values())
        go_on()
        clock.sleep(again)

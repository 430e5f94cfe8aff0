"""Mail: a master and processes of several users in jails, delivery as the receiver, mailboxes of whoever logs in."""

from __future__ import annotations

import imaplib
import smtplib
import time
from collections.abc import Callable
from contextlib import ExitStack

from machine.software.program import BrokenError, Data, Program, Service, expect
from machine.software.reach import PATIENCE, children, connect, crowd, line_of, outside, place, sends, wait


def _mailed(at: Service, subject: str) -> bool:
    return subject in place(at, "/var/mail/app").read_text()


def mail_by_smtp(at: Service) -> None:
    """Delivered to a user's mailbox, whose owner it stays."""
    _mail(at, f"smtp-{time.monotonic_ns()}")
    expect(at.says("stat", "-c", "%U", "/var/mail/app"), "app", "the owner of the mailbox")


def _mail(at: Service, subject: str) -> None:
    def talk(host: str) -> None:
        with smtplib.SMTP(host, at.port, "client.test", PATIENCE * 2) as link:
            link.sendmail("far@client.test", ["app@box"], f"Subject: {subject}\n\ntext\n")

    try:
        outside(at, talk)
    except smtplib.SMTPException as error:
        raise BrokenError(str(error)) from None
    wait("the mail", lambda: _mailed(at, subject))


def mail_by_user(at: Service) -> None:
    """A user inside sends by sendmail(1), which is set-uid or set-gid."""
    subject = f"user-{time.monotonic_ns()}"
    at.does("/usr/sbin/sendmail", "app@box", user="other", typed=f"Subject: {subject}\n\ntext\n")
    wait("the mail", lambda: _mailed(at, subject))


def exim_queue(at: Service) -> None:
    """What can't be delivered now stays in the queue; the administrator looks and removes it."""
    at.does("exim4", "-odq", "app@box", user="other", typed="Subject: queued\n\ntext\n")
    number = at.says("exim4", "-bpc", user="0")
    if number == "0":
        raise BrokenError("the queue is empty")
    at.does("exim4", "-qff", user="0")
    wait("an empty queue", lambda: at.says("exim4", "-bpc", user="0") == "0")


def smtp_many(at: Service) -> None:
    crowd(at, 15, lambda link: line_of(link).startswith("220"))


def postfix_runs(at: Service) -> None:
    """Its master alone: a question by the network starts workers, which go away again when they are idle."""
    at.does("postfix", "status", user="0")


def queue(at: Service) -> None:
    """What can't be delivered stays in the queue, at which an ordinary user may look; root removes it."""
    at.does("/usr/sbin/sendmail", "nobody@far.test", user="other", typed="Subject: far\n\ntext\n")
    wait("the mail in the queue", lambda: "nobody@far.test" in at.says("postqueue", "-p", user="other"))
    at.does("postsuper", "-d", "ALL", user="0")
    wait("an empty queue", lambda: "empty" in at.says("postqueue", "-p", user="other"))


def queue_flush(at: Service) -> None:
    at.does("postqueue", "-f", user="0")


def postfix_reload(at: Service) -> None:
    old = children(at)
    at.does("postfix", "reload", user="0")
    wait("a greeting after the reload", lambda: _greets(at))
    wait("new workers", lambda: bool(children(at) - old))


def _greets(at: Service) -> bool:
    with connect(at) as link:
        return line_of(link).startswith("220")


def _imap(at: Service, work: Callable[[imaplib.IMAP4], str], user: str = "app", password: str = "secret") -> str:
    """What `work` says of a connection that is logged in."""

    def talk(host: str) -> str:
        with ExitStack() as stack:
            link = imaplib.IMAP4(host, at.port, PATIENCE * 2)
            for each in (link.sock, link.file, link):  # it leaves both open where the server hangs up first
                stack.enter_context(each)
            link.login(user, password)
            return work(link)

    try:
        return outside(at, talk)
    except imaplib.IMAP4.error as error:
        raise BrokenError(str(error)) from None


def _append(link: imaplib.IMAP4, subject: str) -> str:
    text = f"Subject: {subject}\r\n\r\ntext\r\n".encode()
    return link.append("INBOX", "", imaplib.Time2Internaldate(time.time()), text)[0]


def _found(link: imaplib.IMAP4, subject: str) -> list[str]:
    link.select("INBOX")
    _, found = link.search(None, "SUBJECT", subject)
    return str(found[0], "ascii").split()


def _uses(link: imaplib.IMAP4) -> str:
    """A mail put in, found, copied to a new folder, removed."""
    link.create("Kept")
    _append(link, "used")
    last = _found(link, "used")[-1]
    _, text = link.fetch(last, "(BODY[TEXT])")
    copied, _ = link.copy(last, "Kept")
    link.store(last, "+FLAGS", "\\Deleted")
    link.expunge()
    body = text[0][1] if isinstance(text[0], tuple) else b""
    return f"{copied} {body.strip().decode()}"


def _append_one(at: Service, name: str) -> None:
    expect(_imap(at, lambda link: _append(link, name)), "OK", "a mail that is put in")


def imap_greets(at: Service) -> None:
    with connect(at) as link:
        expect(line_of(link)[:4], "* OK", "its greeting")


def imap_mailbox(at: Service) -> None:
    expect(_imap(at, _uses), "OK text", "a mailbox")
    expect(at.says("stat", "-c", "%U", "/home/app/Maildir/cur"), "app", "the owner of the mailbox")


def imap_other_user(at: Service) -> None:
    expect(_imap(at, _uses, "other", "other-secret"), "OK text", "the mailbox of another user")


def imap_wrong_password(at: Service) -> None:
    try:
        said = _imap(at, _uses, "app", "wrong")
    except BrokenError as error:
        said = str(error)
    if "AUTHENTICATIONFAILED" not in said:
        raise BrokenError(f"a wrong password: {said}")


def imap_many(at: Service) -> None:
    crowd(at, 60, lambda link: line_of(link).startswith("* OK"))


def imap_admin(at: Service) -> None:
    """The administrator's tool, which becomes the user of the mailbox."""
    at.does("doveadm", "-c", "/etc/dovecot/table.conf", "mailbox", "status", "-u", "app", "messages", "INBOX", user="0")


def imap_reload(at: Service) -> None:
    sends(at, "HUP")
    wait("a mailbox after the reload", lambda: _imap(at, _uses) == "OK text")


PROGRAMS = (
    Program(
        "exim", "login", 25, ("exim-entry",),
        (mail_by_smtp, mail_by_user, exim_queue, smtp_many),
        ("no-new-privileges=", "capabilities=CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID", "pids=50", "memory=128m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,FOWNER,SETGID,SETUID,NET_BIND_SERVICE",),
        volumes=("/var/mail", "/var/spool/exim4", "/var/lib/exim4", "/var/log/exim4"), data=Data(_mail, _mailed),
        breaks=(("--security-opt no-new-privileges", "mail_by_smtp"), ("--cap-drop SETUID", "mail_by_smtp")),
    ),
    # postdrop and postqueue are set-gid, so no-new-privileges can't be
    Program(
        "postfix", "mail", 25, ("postfix", "start-fg"),
        (postfix_runs, mail_by_smtp, mail_by_user, queue, queue_flush, postfix_reload, smtp_many),
        ("no-new-privileges=", "capabilities=CHOWN,DAC_OVERRIDE,FOWNER,KILL,SETGID,SETUID,SYS_CHROOT",
         "pids=100", "memory=256m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,FOWNER,KILL,SETGID,SETUID,SYS_CHROOT,NET_BIND_SERVICE",),
        volumes=("/var/mail", "/var/spool/postfix", "/var/lib/postfix"), data=Data(_mail, _mailed),
        breaks=(("--security-opt no-new-privileges", "mail_by_user"), ("--cap-drop SETUID", "postfix_runs")),
    ),
    Program(
        "dovecot", "mail", 143, ("dovecot", "-F", "-c", "/etc/dovecot/table.conf"),
        (imap_greets, imap_mailbox, imap_other_user, imap_wrong_password, imap_many, imap_admin, imap_reload),
        ("read-only-root=on",
         "capabilities=CHOWN,DAC_OVERRIDE,FOWNER,KILL,SETGID,SETUID,SYS_CHROOT,AUDIT_WRITE",
         "tmpfs=/run,/tmp", "pids=200", "memory=512m"),
        hand_podman=("capabilities=CHOWN,DAC_OVERRIDE,FOWNER,KILL,SETGID,SETUID,SYS_CHROOT,NET_BIND_SERVICE",),
        volumes=("/home", "/var/lib/dovecot"),
        data=Data(_append_one, lambda at, name: _imap(at, lambda link: " ".join(_found(link, name))) != ""),
        breaks=(("--cap-drop SETUID", "imap_greets"),),
    ),
)  # fmt: skip

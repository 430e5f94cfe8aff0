"""Set-uid programs, and programs with file capabilities, that are known to check who asks; and how each is recognised.

A name proves nothing: a copy of a shell may be called `su`. So a file counts as one of these only if it contains what
that program can't do without: a symbol that it imports, a library that it needs, a message of its own. Whoever builds
an image to deceive can put such words into any program; a file that merely has the wrong name can't pass. What is not
recognised counts as a program that does what it is told.
"""

from __future__ import annotations

from typing import Dict, Tuple

_PAM = (b"\0pam_authenticate\0",)
_NEWGRP = (b"newgrp(1)", b"(sg)", b"\0getsgnam\0", b"newgrp: ")
_MOUNTS = (b"\0libmount.so.1\0",)
_POLKIT = (b"\0libpolkit-gobject-1.so.0\0", b"\0libpolkit-agent-1.so.0\0", b"/org/freedesktop/PolicyKit1")

# base name of the file -> any of these is in it
KNOWN: Dict[str, Tuple[bytes, ...]] = {
    "Xorg.wrap": (b"Xwrapper.config",),
    "arping": (b"arping: ", b"Unicast reply from"),
    "at": (b"/var/spool/cron/atjobs", b"/var/spool/at"),
    "bbsuid": (b"bbsuid", b"/bin/busybox"),
    "bwrap": (b"bubblewrap", b"bwrap: "),
    "chage": (b"\0putspent\0",),
    "chfn": _PAM,
    "chrome-sandbox": (b"SBX_CHROME_API_PRV",),
    "chsh": _PAM,
    "clockdiff": (b"clockdiff",),
    "crontab": (b"(edit user's crontab)",),
    "dbus-daemon-launch-helper": (b"\0libdbus-1.so.3\0",),
    "doas": (b"/etc/doas.conf",),
    "dumpcap": (b"\0libpcap.so.0.8\0", b"\0libpcap.so.1\0"),
    "exim4": (b"exim",),
    "expiry": (b"check the user's password expiration",),
    "fping": (b"fping",),
    "fusermount": (b"_FUSE_COMMFD",),
    "fusermount3": (b"_FUSE_COMMFD",),
    "gpasswd": (b"unlocking-gshadow", b"\0putsgent\0"),
    "ksu": (b"\0libkrb5.so.3\0",),
    "mount": _MOUNTS,
    "mount.cifs": (b"mount.cifs",),
    "mount.nfs": _MOUNTS,
    "mtr-packet": (b"mtr-packet",),
    "newgidmap": (b"/etc/subgid", b"newgidmap"),
    "newgrp": _NEWGRP,
    "newuidmap": (b"/etc/subuid", b"newuidmap"),
    "ntfs-3g": (b"\0libntfs-3g.so",),
    "pam_timestamp_check": (b"\0pam_start\0", b"\0libpam.so.0\0"),
    "passwd": (b"\0pam_chauthtok\0", b"\0putspent\0"),
    "ping": (b"icmp_seq=",),
    "ping6": (b"icmp_seq=",),
    "pkexec": _POLKIT,
    "polkit-agent-helper-1": (*_PAM, *_POLKIT),
    "pppd": (b"/etc/ppp/options",),
    "procmail": (b"PROCMAIL_VERSION", b".procmailrc"),
    "sendmail": (b"sendmail.cf",),
    "sg": _NEWGRP,
    "snap-confine": (b"snap-confine",),
    "ssh-keysign": (b"ssh_host_",),
    "su": _PAM,
    "sudo": (b"\0libsudo_util.so.0\0", b"sudoers"),
    "sudoedit": (b"\0libsudo_util.so.0\0", b"sudoers"),
    "traceroute6": (b"traceroute6",),
    "umount": _MOUNTS,
    "umount.cifs": (b"umount.cifs",),
    "umount.nfs": _MOUNTS,
    "unix_chkpwd": (b"inappropriate use of Unix helper binary",),
    "userhelper": (b"/etc/security/console.apps",),
    "usernetctl": (b"ifcfg-",),
}
_BUSYBOX = b"BusyBox v"
_ALIKE = {"su-rs": "su", "sudo-rs": "sudo", "traceroute6.iputils": "traceroute6", "umount.nfs4": "umount.nfs"}


def recognised(path: str, data: bytes) -> str:
    """The known program that this file is, or empty. `data`: all of it."""
    if _BUSYBOX in data:  # it has a program of nearly every name, and a shell among them
        return ""
    name = path.rpartition("/")[2]
    name = _ALIKE.get(name, name)
    return name if any(mark in data for mark in KNOWN.get(name, ())) else ""

"""Threats that are not tried, and why."""

from __future__ import annotations

from stratascope.core.message import Message, msg

_STOPS = msg("To try it would slow down or stop this machine.")
_IS = msg("It is what the process is, not something that it does.")

NEVER: dict[str, Message] = {
    "exhaust-memory": _STOPS,
    "exhaust-cpu": _STOPS,
    "exhaust-disk": _STOPS,
    "exhaust-disk-rate": _STOPS,
    "be-host-root": _IS,
    "hold-root-powers": _IS,
    "be-engine-user": _IS,
    "use-machine-devices": msg("To open a watchdog starts it, and the machine restarts."),
    "read-cloud-metadata": msg("It would ask another machine for credentials."),
    "change-access-control": msg("It would change the rules of AppArmor, SELinux or Smack."),
    "use-reserved-right": msg("No call of this kernel asks for that right."),
}

UNTRIED = msg("Nothing was there to try it on.")
IN_A_POD = msg("It belongs to a pod and shares its namespaces, which a copy can't.")
NOBODY = msg("It sees processes of others, and none of the kind that this takes was among them.")
UNLIKE = msg("The copy is not like the container in what decides this.")
LOOSE = msg("What tried it has not all restrictions of the first process, and one of them might refuse it.")
SHORT = msg("What tried it has not all rights of the first process, and one of them might allow it.")
ON_A_COPY = msg("It might change something, so that it is tried on a copy only.")
BY_PROGRAM = msg("Only a program of its image that gives rights leads there, and no program of the image is run.")
UNHEARD = msg("The attempt ended without an answer.")
HIDDEN = msg("Its system call filter answers with success to calls that it does not let through.")

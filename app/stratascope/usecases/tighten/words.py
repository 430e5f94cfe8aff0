"""How a search and each of its trials ended, in words, for the window and the command line."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.relaunch.trial import Works
from stratascope.usecases.trial.strategy import Ends, Purpose

ENDS = {
    Ends.FOUND: msg("These settings work."),
    Ends.NOTHING: msg("None of the settings tried works."),
    Ends.UNCHANGED_BREAKS: msg("A twin of it does not work even unchanged, so trials prove nothing."),
    Ends.REFUSED: msg("There can be no twin of it, so nothing was tried."),
    Ends.UNSTEADY: msg("What worked once did not work again, so trials prove nothing."),
    Ends.CUT_OFF: msg("The trials were interrupted."),
}
PURPOSES = {
    Purpose.UNCHANGED: msg("its settings unchanged"),
    Purpose.WHOLE: msg("everything that it seems not to need"),
    Purpose.LOOSENED: msg("without what it was refused"),
    Purpose.SEARCH: msg("a part of it"),
    Purpose.TIGHTER: msg("with what may have been left out needlessly"),
    Purpose.REPEAT: msg("the same again"),
}
WORKS = {
    Works.YES: msg("works"),
    Works.BREAKS: msg("breaks"),
    Works.REFUSED: msg("no twin"),
    Works.UNKNOWN: msg("not known"),
}

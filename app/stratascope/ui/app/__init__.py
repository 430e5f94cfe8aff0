"""The program with a window: start, one instance, notifications, Qt's own words.

What needs no Qt is imported before it: PySide reads the source of each module that is imported after it, to see whether
that uses PySide, which takes longer than to import it.
"""

import stratascope.usecases.hardening
import stratascope.wiring.engines  # noqa: F401

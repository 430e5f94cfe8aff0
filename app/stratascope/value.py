"""Value types passed between packages. `class Mount(Value)` is frozen, compared by field, and hashable.

Based on msgspec: a class costs 20 µs, where a frozen dataclass with slots costs 500 (its methods are compiled from
text), which was half of all import time of the command line; instances are created five times as fast. Not for the
collector, which only uses Python's standard library.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

# msgspec takes typing_extensions where it finds it, and `typing` has all that it needs since Python 3.11: to hide it
# saves a tenth of the command line's start.
_NOT_FOUND: Any = None
_known = sys.modules.setdefault("typing_extensions", _NOT_FOUND)
try:
    from msgspec import Struct, field
    from msgspec.structs import asdict, force_setattr
finally:
    if _known is None:
        del sys.modules["typing_extensions"]

if TYPE_CHECKING:
    from dataclasses import replace  # the same function, but mypy checks its keyword arguments
else:
    from msgspec.structs import replace

__all__ = ("Struct", "Value", "asdict", "field", "force_setattr", "replace")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(Struct, frozen=True):
    """A frozen value. `UNPRINTED`: fields too large or too secret for a report, a log or a traceback."""

    UNPRINTED: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = (name for name in self.__struct_fields__ if name not in self.UNPRINTED)
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

"""The one error that the decoders of this folder raise for text that they do not understand."""

from __future__ import annotations


class DecodeError(ValueError):
    """Kernel text that is not in the form that proc(5) and its neighbours describe; says what and where."""

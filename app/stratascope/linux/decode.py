"""The one error that this package's decoders raise for text they do not understand."""

from __future__ import annotations


class DecodeError(ValueError):
    """Kernel text not in the form that proc(5) and related pages describe; the message says what and where."""

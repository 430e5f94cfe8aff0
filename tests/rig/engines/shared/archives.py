"""Archives of one member, as an engine's archive call sends them."""

from __future__ import annotations

import io
import tarfile
from typing import Any


def tar(name: str = "sh", data: bytes = b"hello", form: int = tarfile.USTAR_FORMAT, **about: Any) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    for key, value in {"mode": 0o755, **about}.items():
        setattr(entry, key, value)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()

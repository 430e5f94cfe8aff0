"""Text in HTML: the one place where it is escaped. Nothing of an engine reaches the page by another way.

Decided against a template engine: elements are few, and what is not passed through `text` is a literal of this program.
"""

from __future__ import annotations

import html

from stratascope.core.message import Message
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate


def text(value: str | Message, limit: int = 0) -> str:
    """Harmless text for an element or a quoted attribute."""
    return html.escape(plain(translate(value) if isinstance(value, Message) else value, limit))


def element(tag: str, inside: str, kind: str = "", **attributes: str) -> str:
    """One element; `inside` is HTML already. `scope_` and the like: the underscore goes, others become hyphens."""
    words = [f' class="{kind}"'] if kind else []
    words += [f' {name.rstrip("_").replace("_", "-")}="{value}"' for name, value in attributes.items()]
    return f"<{tag}{''.join(words)}>{inside}</{tag}>"

"""Text from elsewhere made safe to show: in HTML, and before that on any canvas."""

from __future__ import annotations

import html
import re

# control characters (tab and newline excepted) and lone surrogates, which undecodable file names turn into:
# the first are not allowed in HTML or SVG, the second cannot be written as UTF-8
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """`text` with line ends as newlines and each unprintable character replaced by U+FFFD."""
    return UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape(text: str) -> str:
    """`text` for HTML, inside an element or inside a quoted attribute."""
    return html.escape(clean(text), quote=True)

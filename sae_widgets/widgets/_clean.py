"""What may leave the kernel: text and numbers that every page, file and JSON reader accepts.

Model text is untrusted. `json_safe` makes a value fit for JSON (no lone surrogate, no NaN, no numpy scalar);
`visible` shows the characters that would hide or reorder text; `escape` is for HTML text and attributes.
"""

import html
import math
import numbers
import re
from collections.abc import Mapping
from typing import Any

_SURROGATE = re.compile(r"[\ud800-\udfff]")

# Controls except newline and tab, and everything that reorders or hides text: bidi marks, zero-width characters,
# line and paragraph separators, the byte order mark, tag characters (Trojan-source style labels).
_HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
    "\\ufff9-\\ufffb\\U000e0000-\\U000e007f]"
)
_CONTROL_PICTURES = 0x2400


def clean_text(text: str) -> str:
    """`text` with each lone surrogate written as `⟨U+D800⟩`, since neither UTF-8 nor JSON can carry it."""
    if _SURROGATE.search(text) is None:
        return text
    return _SURROGATE.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def visible(text: str) -> str:
    """`text` with invisible and reordering characters shown: NUL as `␀`, a bidi override as `⟨U+202E⟩`."""
    return _HIDDEN.sub(_picture, clean_text(text))


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def escape(text: object) -> str:
    """`text` as HTML, for element content and quoted attributes alike, with hidden characters made visible."""
    return html.escape(visible(str(text)), quote=True)


def json_safe(value: Any) -> Any:
    """`value` with text cleaned, NaN and infinity as None and numpy or torch scalars as numbers; bytes stay bytes."""
    if value is None or isinstance(value, (bool, int, bytes, bytearray, memoryview)):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {clean_text(str(key)): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_safe(item) for item in value]
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return json_safe(float(value))
    if callable(getattr(value, "tolist", None)):  # arrays and 0-d tensors
        return json_safe(value.tolist())
    return value

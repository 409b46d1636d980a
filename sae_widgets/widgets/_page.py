"""A widget as one offline HTML file with the widget's own JavaScript and its state, no kernel and no network.

The page forbids every load (`default-src 'none'`) and runs one script, named by its hash. The state is JSON in a script
element that never executes; there `<`, `>`, `&` and the two separators that end a JavaScript line are escaped.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sae_widgets.widgets._clean import escape

if TYPE_CHECKING:
    from sae_widgets.widgets._base import SaeWidget

_UNSAFE = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_NOT_STATE = ("_esm", "_css", "layout", "tabbable", "tooltip", "_dom_classes", "_view_count")


def state_json(state: dict[str, Any]) -> str:
    """`state` as JSON that may stand inside a script element; bytes become `{"$b64": ...}`."""
    return json.dumps(state, default=_encode_bytes, allow_nan=False).translate(_UNSAFE)


def _encode_bytes(value: Any) -> dict[str, str]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$b64": base64.b64encode(bytes(value)).decode()}
    raise TypeError(f"Cannot write a {type(value).__name__} into a page.")


def state_of(widget: "SaeWidget", **settings: Any) -> dict[str, Any]:
    """The widget as a saved page has it; `settings` are those of its `save`."""
    state = {
        name: v for name, v in widget.get_state().items() if name not in _NOT_STATE and not name.startswith("_model")
    }
    return state | widget._saved_state(**settings)


def page(widget: "SaeWidget", state: Mapping[str, Any], caption: str) -> str:
    """The whole HTML text."""
    # The bundle is a module: what follows it in the same script sees its function `mountSaved`.
    code = f"{widget._esm}\nmountSaved(document);\n".replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"
    title = escape(widget.describe())[:200]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ margin: 24px auto; max-width: 1100px; padding: 0 16px; background: Canvas; color: CanvasText; }}
footer {{ margin: 16px 2px; font: 12px/1.5 system-ui, sans-serif; opacity: .8; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<main id="sae-widget"></main>
<footer>{escape(caption)}</footer>
<noscript>{widget.fallback_html()}</noscript>
<script type="application/json" id="sae-widget-state">{state_json(dict(state))}</script>
<script type="module">{code}</script>
</body>
</html>
"""

"""Texts that try to be more than text: the one corpus, which the tests of the pages read, too."""

import json
from pathlib import Path

HOSTILE: list[str] = json.loads((Path(__file__).parent / "hostile.json").read_text("utf-8"))
HOSTILE.append("W" * 10_000)

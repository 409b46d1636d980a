"""Tokens as text, exact to the byte.

A token of a byte-level vocabulary is a run of bytes and need not be whole characters: an emoji is often three tokens.
Decoded one by one, such tokens all read as the replacement character. Here the bytes of neighbours are joined first:

    the token in which a character begins       carries the whole character
    a token with only the rest of a character   reads CONTINUATION, so that it still can be seen, hovered and clicked
    bytes that make no character                read \\xE2, one escape each

Leading spaces are kept ("▁the" of sentencepiece is " the"), special tokens read by name, nothing is stripped.
Control and direction characters are left as they are: what shows the text makes them visible.
"""

import functools
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

CONTINUATION = "⁃"
"""What a token reads that holds no beginning of a character."""

_SENTENCEPIECE_SPACE = "▁"


def token_texts(tokenizer: Any, token_ids: Iterable[int]) -> list[str]:
    """One text per token, for display; joined they are the text, but for CONTINUATION marks.

    Args:
        tokenizer: Of transformers, fast or slow.
        token_ids: Neighbours in this order: a list, or a tensor of one axis.
    """
    pieces = _pieces(tokenizer, token_ids)
    texts = [piece if isinstance(piece, str) else _whole(piece) for piece in pieces]
    start = 0
    while start < len(texts):
        end = start
        while end < len(texts) and texts[end] is None:
            end += 1
        if end > start:
            texts[start:end] = _joined([bytes(piece) for piece in pieces[start:end]])  # type: ignore[arg-type]
        start = end + 1
    return [str(text) for text in texts]


def token_bytes(tokenizer: Any, token_ids: Iterable[int]) -> list[bytes]:
    """The bytes each token stands for; a special token's are those of its name."""
    return [
        piece.encode("utf-8", "replace") if isinstance(piece, str) else piece for piece in _pieces(tokenizer, token_ids)
    ]


class TextStream:
    """Text of tokens that come one by one: each character is handed out with the token that completes it.

    Joined, the texts are what decoding all tokens at once gives, bytes that make no character as `\\xE2`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._pending = b""

    def push(self, token_id: int) -> str:
        """The text that `token_id` completes; empty inside a character."""
        piece = _pieces(self._tokenizer, [token_id])[0]
        if isinstance(piece, str):
            return self.flush() + piece
        data = self._pending + piece
        cut = len(data) - _n_unfinished(data)
        self._pending = data[cut:]
        return "".join(text for _, text in _characters(data[:cut]))

    def flush(self) -> str:
        """What is left of a character that will not be completed."""
        data, self._pending = self._pending, b""
        return "".join(text for _, text in _characters(data))


def clean_prompt(text: str) -> str:
    """`text` as UTF-8 can carry it: halves of a surrogate pair joined, a lone half replaced by U+FFFD.

    A page may hand over half an emoji when text is cut there; tokenizers refuse such strings.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# -- pieces -----------------------------------------------------------------------------------------------------------


_known: WeakKeyDictionary[Any, tuple[int, dict[int, str | bytes]]] = WeakKeyDictionary()
"""By tokenizer: how many tokens it had, and those that were asked for. Asking it anew takes a page half its time."""


def _pieces(tokenizer: Any, token_ids: Iterable[int]) -> list[str | bytes]:
    """Each token as its bytes, or as a string where it stands apart from its neighbours (special and unknown ids)."""
    ids = [int(token_id) for token_id in token_ids]
    known = _known_pieces(tokenizer)
    if missing := [token_id for token_id in dict.fromkeys(ids) if token_id not in known]:
        known.update(zip(missing, _pieces_asked(tokenizer, missing), strict=True))
    return [known[token_id] for token_id in ids]


def _known_pieces(tokenizer: Any) -> dict[int, str | bytes]:
    try:
        size, known = _known.get(tokenizer, (-1, {}))
        if size != len(tokenizer):  # tokens were added
            known = {}
            _known[tokenizer] = (len(tokenizer), known)
    except TypeError:  # what only looks like a tokenizer may have no length, and cannot be remembered
        return {}
    return known


def _pieces_asked(tokenizer: Any, ids: list[int]) -> list[str | bytes]:
    added = tokenizer.added_tokens_decoder
    specials = set(tokenizer.all_special_ids)
    kind = _kind(tokenizer)
    pieces: list[str | bytes] = []
    for token_id, raw in zip(ids, tokenizer.convert_ids_to_tokens(ids), strict=True):
        if token_id in added:
            content = str(added[token_id].content)
            is_special = token_id in specials or added[token_id].special
            pieces.append(content if is_special else content.encode("utf-8", "replace"))
        elif raw is None:  # models round their vocabulary up: ids past the tokenizer's end
            pieces.append(f"[{token_id}]")
        elif isinstance(raw, bytes):
            pieces.append(raw)
        elif kind == "byte_level":
            pieces.append(_byte_level_bytes(raw))
        elif kind == "sentencepiece":
            pieces.append(_sentencepiece_bytes(raw))
        else:
            pieces.append(tokenizer.decode([token_id], clean_up_tokenization_spaces=False).encode("utf-8", "replace"))
    return pieces


def _kind(tokenizer: Any) -> str:
    """How the vocabulary spells bytes: "byte_level", "sentencepiece", or "other"."""
    if getattr(tokenizer, "byte_decoder", None):  # slow GPT-2 and its kin
        return "byte_level"
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = None if backend is None else backend.decoder
    steps = "" if decoder is None else decoder.__getstate__().decode("utf-8")
    if '"ByteLevel"' in steps:
        return "byte_level"
    if any(mark in steps for mark in ('"Metaspace"', '"ByteFallback"', _SENTENCEPIECE_SPACE)):
        return "sentencepiece"
    return "sentencepiece" if getattr(tokenizer, "sp_model", None) is not None else "other"


@functools.cache
def _byte_of_character() -> dict[str, int]:
    """GPT-2's spelling of the 256 bytes: printable ones as themselves, the rest as the characters from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _byte_level_bytes(raw: str) -> bytes:
    table = _byte_of_character()
    return b"".join(bytes([table[c]]) if c in table else c.encode("utf-8", "replace") for c in raw)


def _sentencepiece_bytes(raw: str) -> bytes:
    if len(raw) == 6 and raw.startswith("<0x") and raw.endswith(">"):
        return bytes([int(raw[3:5], 16)])
    return raw.replace(_SENTENCEPIECE_SPACE, " ").encode("utf-8", "replace")


# -- characters -------------------------------------------------------------------------------------------------------


def _whole(piece: bytes) -> str | None:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _joined(pieces: list[bytes]) -> list[str]:
    """Texts of neighbours none of which is whole characters by itself."""
    owners = [number for number, piece in enumerate(pieces) for _ in piece]
    texts = [""] * len(pieces)
    for start, text in _characters(b"".join(pieces)):
        texts[owners[start]] += text
    return [text or CONTINUATION for text in texts]


def _characters(data: bytes) -> Iterator[tuple[int, str]]:
    """Start and text of each character; a byte that belongs to none as its escape."""
    at = 0
    while at < len(data):
        text = _whole(data[at : at + _length(data[at])])
        if text is not None and len(text) == 1:
            yield at, text
            at += _length(data[at])
        else:
            yield at, f"\\x{data[at]:02X}"
            at += 1


def _length(lead: int) -> int:
    """How many bytes a character takes that begins with `lead`."""
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _n_unfinished(data: bytes) -> int:
    """How many bytes at the end may be the beginning of a character."""
    for n in range(1, min(3, len(data)) + 1):
        lead = data[-n]
        if lead >= 0xC0:
            return n if n < _length(lead) else 0
        if lead < 0x80:
            return 0
    return 0

"""What PostgreSQL's text cannot hold (NUL, lone surrogates), written so that it can, and back without loss.

In a `json` column JSON's own escapes do it, since `json`, unlike `jsonb`, keeps them as they are. In a text column each
such character travels as U+E000 and four hexadecimal digits. Content hashes are taken before this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_MARK = "\ue000"
_UNHOLDABLE = re.compile(f"[\x00\ud800-\udfff{_MARK}]")
_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ESCAPING = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_ESCAPED = re.compile(_MARK + "([0-9a-f]{4})")


def to_json(content: Any) -> str:
    """JSON text for a `json` column; the driver's parser gives the content back, a pair of surrogates as its character."""
    text = _PLAIN(content)
    return text if text.isascii() or not _UNHOLDABLE.search(text) else _ESCAPING(content)


def encode_all(content: Any) -> Any:
    """JSON content with every text encoded: what SQL takes apart, since `->>` refuses an escaped NUL or surrogate."""
    if isinstance(content, str):
        return encode_text(content)
    if isinstance(content, Mapping):
        return {encode_text(name): encode_all(one) for name, one in content.items()}
    return [encode_all(one) for one in content] if isinstance(content, list | tuple) else content


def encode_text(text: str) -> str:
    if text.isascii() and "\x00" not in text:
        return text
    return _UNHOLDABLE.sub(lambda match: f"{_MARK}{ord(match[0]):04x}", text)


def decode_text(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)

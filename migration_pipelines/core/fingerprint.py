"""Fingerprints: is this still what was confirmed, approved or planned? They go by names and codes, never by ids."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def canonical(content: Any) -> bytes:
    """One byte form per content: keys sorted, no blanks. Lone surrogates are kept, so that nothing fails to hash."""
    return _ENCODER.encode(content).encode("ascii")


def fingerprint(content: Any) -> str:
    """32 hexadecimal digits of SHA-256 over the canonical form."""
    return hashlib.sha256(canonical(content)).hexdigest()[:32]


def digest(content: Any) -> bytes:
    """16 bytes of SHA-256 over the canonical form: the ledger's hash of a record."""
    return hashlib.sha256(canonical(content)).digest()[:16]

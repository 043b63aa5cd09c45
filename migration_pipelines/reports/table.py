"""A table of plain text: columns as wide as their longest cell, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
    numeric = [
        n for n in range(len(header)) if rows and all(row[n].lstrip("-").isdigit() or row[n] == "-" for row in rows)
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if n in numeric else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

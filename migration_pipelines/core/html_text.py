"""HTML as the text that a reader of it sees: without scripts, styles and what stands in the head."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNSEEN = frozenset({"head", "noscript", "script", "style", "template", "title"})
_OWN_LINE = frozenset({
    "address", "article", "blockquote", "dd", "div", "dl", "dt", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
_PARAGRAPH = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "table", "ul"})


def html_text(html: str) -> str:
    """The visible text: each block on a line of its own, an empty one around paragraphs. HTML that is not valid is no error."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"\s+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen: list[str] = []
        self._ends = 2  # how many line ends the text has last; its beginning needs none

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "body":  # of a head that nobody closed nothing is left open
            self._unseen.clear()
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "br":
            self._end_lines(self._ends + 1)
        else:
            self._begin_line(tag)
            if tag in ("td", "th"):
                self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        else:
            self._begin_line(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen and (data.strip() or not self._ends):
            self.parts.append(re.sub(r"\s+", " ", data))
            self._ends = 0

    def _begin_line(self, tag: str) -> None:
        if tag in _OWN_LINE:
            self._end_lines(2 if tag in _PARAGRAPH else 1)

    def _end_lines(self, count: int) -> None:
        if not self._unseen and count > self._ends:
            self.parts.append("\n" * (count - self._ends))
            self._ends = count

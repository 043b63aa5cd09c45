"""HTML as the text that a reader sees."""

from __future__ import annotations

import pytest

from migration_pipelines.core.html_text import html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        pytest.param("plain  text\nof two lines", "plain text of two lines", id="no tags: white space is one space"),
        pytest.param("a<br>b<br/>c", "a\nb\nc", id="line breaks"),
        pytest.param("<p>a</p><p>b</p>", "a\n\nb", id="paragraphs"),
        pytest.param("<div>a</div><div>b</div>", "a\nb", id="blocks"),
        pytest.param("<div>a</div><div><br></div><div>b</div>", "a\n\nb", id="an empty line as mail programs write it"),
        pytest.param("<b>a</b>b <i>c</i>", "ab c", id="inline marks"),
        pytest.param("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc", id="a table"),
        pytest.param("&lt;b&gt; &amp; &#231;&nbsp;&eacute;", "<b> & ç é", id="entities"),
        pytest.param("a<style>p {}</style><script>if (a < b) {}</script>b", "ab", id="styles and scripts"),
        pytest.param("<head><title>t</title><body>a", "a", id="a head that nobody closed"),
        pytest.param("<p>a <b>b", "a b", id="nothing closed"),
        pytest.param("a < b <!-- c --> d", "a < b d", id="a comment, and a sign that opens nothing"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_visible_text_is_kept(html: str, text: str) -> None:
    assert html_text(html) == text

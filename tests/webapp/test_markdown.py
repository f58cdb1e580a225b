"""A study's texts become safe HTML, whatever is in them."""

import pytest

from webapp.markdown import to_html


def test_common_markdown() -> None:
    html = to_html("# Head\n\nA *word*, [a link](https://example.org/a?b=1&c=2).\n\n- one\n")
    assert html == (
        '<h1>Head</h1>\n<p>A <em>word</em>, <a href="https://example.org/a?b=1&amp;c=2">a link</a>.'
        "</p>\n<ul>\n<li>one</li>\n</ul>\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://example.org/track.png)",
        "<javascript:alert(1)>",
        '[x](https://example.org "onmouseover=alert(1)")',
        "<div style='x'>",
    ],
)
def test_nothing_that_runs_or_loads_gets_through(text: str) -> None:
    html = to_html(text).lower()
    for tag in ("<script", "<img", "<div", "<iframe"):
        assert tag not in html
    for scheme in ("javascript:", "vbscript:", "data:"):
        assert f'href="{scheme}' not in html
    assert " onmouseover=" not in html

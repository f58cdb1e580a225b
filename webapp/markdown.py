"""Study texts in Markdown, as safe HTML: no raw HTML, no images, no scripted links."""

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup


@lru_cache(maxsize=256)
def to_html(text: str) -> Markup:
    """Render CommonMark; HTML in the text is shown as text."""
    renderer = MarkdownIt("commonmark", {"html": False}).disable("image")
    return Markup(renderer.render(text))  # noqa: S704  # the renderer escapes what it is given

"""The language of what the interface says: a page's own, or English where there is no catalogue.

Texts of a study are in `study.yaml`; what is Credence's own is in `translations/`, by gettext.
"""

from flask import Flask, g
from flask_babel import Babel

INTERFACE = ("en", "de", "es", "zh")
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")

babel = Babel()


def init_app(app: Flask) -> None:
    """Let templates and messages speak the language of the page."""
    babel.init_app(app, locale_selector=lambda: interface(g.get("language", "en")))
    app.jinja_env.globals.update(interface=interface, direction=direction)


def speak(language: str) -> None:
    """Make this the language of everything that the request still says."""
    g.language = language


def interface(language: str) -> str:
    """The language of the interface on a page in `language`."""
    base = language.partition("-")[0]
    return base if base in INTERFACE else "en"


def direction(language: str) -> str:
    """Which way a language is written: ltr or rtl."""
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"

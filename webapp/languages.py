"""The language of what the interface says: a page's own, or English where there is no catalogue.

Texts of a study are in `study.yaml`; what is Credence's own is in `translations/`, by gettext.
"""

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, get_locale, gettext, refresh
from markupsafe import Markup

INTERFACE = ("en", "de", "es", "zh")
RIGHT_TO_LEFT = ("ar", "fa", "he", "ur")
PARTICIPANTS = ("/s/", "/p/")  # where their pages lie

babel = Babel()


def init_app(app: Flask) -> None:
    """Let templates and messages speak the language of the page."""
    babel.init_app(app, locale_selector=lambda: interface(spoken()))
    app.jinja_env.globals.update(
        interface=interface,
        direction=direction,
        spoken=spoken,
        ours=ours,
        own_name=own_name,
    )
    app.jinja_env.filters["local"] = local


def speak(language: str) -> None:
    """Make this the language of everything that the request still says."""
    g.language = language
    refresh()


def spoken() -> str:
    """The language of the page: what `speak` was told, else the browser's; English to researchers.

    A link may name it for those of whom nothing is stored any more.
    """
    if g and "language" in g:
        return str(g.language)
    if not has_request_context() or not request.path.startswith(PARTICIPANTS):
        return "en"
    named = request.args.get("lang", "")
    return named if named in INTERFACE else request.accept_languages.best_match(INTERFACE) or "en"


def interface(language: str) -> str:
    """The language of the interface on a page in `language`."""
    base = language.partition("-")[0]
    return base if base in INTERFACE else "en"


def direction(language: str) -> str:
    """Which way a language is written: ltr or rtl."""
    return "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def ours() -> Markup:
    """Attributes of what the interface says in English on a page in another language."""
    page = spoken()
    same = interface(page) == page.partition("-")[0]
    return Markup("") if same else Markup(' lang="en" dir="ltr"')


def own_name(language: str) -> str:
    """What a language calls itself."""
    try:
        name = Locale.parse(language, sep="-").get_display_name()
    except (UnknownLocaleError, ValueError):
        name = None
    return f"{name[0].upper()}{name[1:]}" if name else language


def local(number: object) -> str:
    """A number as English writes it (1,234.5), as the language of the page writes it."""
    locale = get_locale()
    if locale is None:
        return str(number)
    marks = str.maketrans(",.", f"{get_group_symbol(locale)}{get_decimal_symbol(locale)}")
    return str(number).translate(marks)


class _Local(float):
    """A number that is written as the language of the page writes it."""

    def __format__(self, how: str) -> str:
        whole = self.is_integer() and how in ("", ",")
        return local(format(int(self) if whole else float(self), how))


def said(message: str, values: Mapping[str, object]) -> str:
    """A message with {names} in it, in the language of the page, with what stands for them."""
    shown = {
        name: _Local(value) if isinstance(value, int | float) else value
        for name, value in values.items()
    }
    return str(gettext(message)).format(**shown)

"""Everything that Credence says to participants, in their language, and which way it is written."""

import re
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from browsing import Visitor
from flask import Flask
from lab import Laboratory, definition, questions_only
from mistakes import said

import webapp
from webapp import export, languages
from webapp.items.numbers import parse
from webapp.items.question import Wrong
from webapp.languages import speak
from webapp.models import StudyVersion

PACKAGE = Path(webapp.__file__).parent
CATALOGUES = [language for language in languages.INTERFACE if language != "en"]
each_catalogue = pytest.mark.parametrize("language", CATALOGUES)
PLACES = re.compile(r"%\(\w+\)s|\{\w+(?::[^}]*)?\}|</?\w+>")
# Units, a place in a sentence that is said by a script, and attributes that a macro gives.
NO_WORDS = {"s", "R", "entry", "lang", "dir"}


def catalogue(language: str) -> Catalog:
    file = PACKAGE / "translations" / language / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as lines:
        return read_po(lines, locale=language)


@pytest.fixture(scope="module")
def extracted() -> set[str]:
    """Every string that gettext is asked for, as `make translations` finds them."""
    found = extract_from_dir(
        PACKAGE,
        [("**.py", "python"), ("**/templates/**.html", "jinja2")],
        {"**/templates/**.html": {"silent": "false"}},
        keywords={**DEFAULT_KEYWORDS, "Wrong": None},
    )
    return {str(message) for _, _, message, _, _ in found}


@each_catalogue
def test_a_catalogue_holds_every_string_and_no_other(language: str, extracted: set[str]) -> None:
    messages = [message for message in catalogue(language) if message.id]
    assert {message.id for message in messages} == extracted
    assert not [message.id for message in messages if message.fuzzy or not message.string]
    assert not catalogue(language).obsolete


@each_catalogue
def test_a_translation_has_the_places_and_marks_of_the_original(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert sorted(PLACES.findall(message.string)) == sorted(PLACES.findall(message.id))
            # It may stand in an attribute.
            assert '"' not in message.string


@each_catalogue
def test_what_is_served_is_what_is_written(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    file = PACKAGE / "translations" / language / "LC_MESSAGES" / "messages.mo"
    assert file.read_bytes() == compiled.getvalue()


@pytest.mark.parametrize("folder", ["participate", "participate/items", "tasks", "displays"])
def test_templates_say_nothing_by_themselves(folder: str) -> None:
    """What is left of a template without its expressions and tags has no words."""
    for file in (PACKAGE / "templates" / folder).glob("*.html"):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", file.read_text("utf-8"), flags=re.S)
        attributes = re.findall(r'\b(?:alt|title|aria-label|data-said)="([^"]*)"', text)
        shown = re.sub(r"<[^>]*>|&\w+;", " ", text)
        words = set(re.findall(r"[A-Za-z]+", " ".join([shown, *attributes])))
        assert words <= NO_WORDS, file.name


def in_language(language: str, study: dict[str, Any]) -> dict[str, Any]:
    """The study with a title in one language alone, so that this is the study's language."""
    return study | {"title": {language: "T."}}


def everything(visitor: Visitor) -> list[str]:
    """The visible text of every page from the landing page to the debrief, with messages."""
    texts = [visitor.get("/s/small").page.text, visitor.enter().page.text]
    while "CODE-DONE" not in visitor.html:
        texts += [visitor.send().page.text, visitor.answer().page.text]
    return texts


@each_catalogue
def test_a_whole_way_says_nothing_in_english(
    language: str, lab: Laboratory, visitor_of: Visitor
) -> None:
    lab.open(in_language(language, definition()))
    texts = everything(visitor_of)
    translated = {str(m.id): str(m.string) for m in catalogue(language) if m.id}
    whole = " ".join(texts)
    assert translated["Continue"] in whole
    assert translated["Choose one of the points."] in whole
    assert translated["The same in numbers"] in whole
    english = [
        each for each in translated if len(each) > 12 and "%" not in each and "{" not in each
    ]
    assert len(english) > 100
    assert [each for each in english if each in whole] == []
    assert f'<html lang="{language}" dir="ltr">' in visitor_of.html


@pytest.fixture
def visitor_of(app: Flask) -> Visitor:
    """Somebody with a browser, before a study that the test opens."""
    return Visitor(app)


def test_numbers_are_written_as_the_language_writes_them(
    lab: Laboratory, visitor_of: Visitor
) -> None:
    study = in_language("de", questions_only())
    study["items"]["comment"]["max_length"] = 2000
    study["items"]["years"] |= {"min": 0.5}
    study["flow"][1]["items"] = ["years", "comment"]
    lab.open(study)
    visitor_of.enter().answer(years="0,1", comment="x" * 2001)
    assert "Schreiben Sie eine Zahl von 0,5 bis 80." in visitor_of.page.text
    assert "Der Text hat 2.001 Zeichen; kürzen Sie ihn auf 2.000 oder weniger." in visitor_of.html
    assert "Bis zu 2.000 Zeichen." in visitor_of.page.text


@pytest.mark.parametrize(
    ("language", "number", "expected"),
    [
        ("en", "1,234.5", "1,234.5"),
        ("de", "1,234.5", "1.234,5"),
        ("es", "+0.25", "+0,25"),
        ("zh", "1,234.5", "1,234.5"),
        ("ar", "1,234.5", "1,234.5"),
    ],
)
def test_a_number(app: Flask, language: str, number: str, expected: str) -> None:
    with app.test_request_context():
        languages.speak(language)
        assert languages.local(number) == expected


def test_a_language_is_chosen_on_the_landing_page(visitor: Visitor, lab: Laboratory) -> None:
    visitor.get("/s/small?PROLIFIC_PID=abc", headers={"Accept-Language": "en"})
    link = next(each for each in visitor.page.links if "lang=de" in each)
    assert "Deutsch" in visitor.page.text
    visitor.get(link.replace("&amp;", "&"), headers={"Accept-Language": "en"})
    assert "<h1>Eine kleine Studie</h1>" in visitor.html
    assert visitor.form.sent["external_id"] == "abc"
    visitor.send(choice="agree")
    assert "Weiter" in visitor.page.text
    assert [each.language for each in lab.participants()] == ["de"]


def test_a_language_that_the_study_has_not_is_not_spoken(visitor: Visitor) -> None:
    visitor.get("/s/small?lang=fr", headers={"Accept-Language": "de"})
    assert "<h1>Eine kleine Studie</h1>" in visitor.html
    visitor.get("/s/small?lang=" + "x" * 2000)
    assert visitor.status == 200


def test_a_refusal_and_a_withdrawal_are_answered_in_the_same_language(visitor: Visitor) -> None:
    visitor.get("/s/small?lang=de").send(choice="decline")
    assert "Danke für Ihre Zeit" in visitor.page.text
    visitor.get("/s/small?lang=de").send(choice="agree")
    visitor.get(f"/p/{visitor.token}/withdraw")
    assert "Von dieser Studie zurücktreten?" in visitor.page.text
    visitor.send()
    assert "Sie sind von dieser Studie zurückgetreten" in visitor.page.text
    assert '<html lang="de" dir="ltr">' in visitor.html


def test_where_no_language_is_known_the_browsers_is_spoken(visitor: Visitor) -> None:
    german = {"Accept-Language": "de-CH,de;q=0.8"}
    for path in ("/p/0123456789abcdef/", "/s/nowhere"):
        visitor.get(path, headers=german)
        assert "Seite nicht gefunden" in visitor.page.text
        assert '<html lang="de" dir="ltr">' in visitor.html
    visitor.get("/admin/", headers=german)
    assert '<html lang="en" dir="ltr">' in visitor.html
    assert "Skip to the content" in visitor.page.text


def test_a_page_has_a_file_for_each_language(
    lab: Laboratory, visitor_of: Visitor, tmp_path: Path
) -> None:
    study = definition()
    study["pages"]["consent"] = {"en": "consent.md", "de": "consent.de.md"}
    folder = lab.folder / "small"
    folder.mkdir(parents=True)
    (folder / "consent.de.md").write_text("# Teilnahme\n\nSie können jederzeit aufhören.\n")
    version_id = lab.open(study)
    assert "jederzeit" in visitor_of.get("/s/small?lang=de").page.text
    assert "at any time" in visitor_of.get("/s/small?lang=en").page.text
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        assert version.source["pages"]["consent"]["de"].startswith("# Teilnahme")
        assert version.source["pages"]["debrief"].startswith("# Thank you")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"en": "consent.md"}, "8: pages.consent: participants read it in de too; name a file"),
        ({"en": "consent.md", "de": "gone.md"}, "10: pages.consent.de: gone.md: there is no such"),
        ({"en": "../a.md", "de": "consent.md"}, "9: pages.consent.en: write a path relative to"),
    ],
)
def test_mistakes_in_the_files_of_a_page(
    tmp_path: Path, files: Mapping[str, str], expected: str
) -> None:
    study = definition()
    study["pages"]["consent"] = dict(files)
    assert [each[: len(expected)] for each in said(tmp_path, study)] == [expected]


def test_from_right_to_left_the_interface_says_that_it_is_english(
    lab: Laboratory, visitor_of: Visitor
) -> None:
    study = in_language("ar", questions_only())
    study["items"]["used"]["text"] = {"ar": "هل استخدمت الرسم؟"}
    lab.open(study)
    visitor_of.enter()
    assert '<html lang="ar" dir="rtl">' in visitor_of.html
    assert re.search(r'<button [^>]*lang="en" dir="ltr">Continue</button>', visitor_of.html)
    assert "<legend>هل استخدمت الرسم؟</legend>" in visitor_of.html
    # A text that the study has in English alone is not read as Arabic either.
    assert '<span lang="en" dir="ltr">Every time</span>' in visitor_of.html


def test_the_bundle_has_each_page_in_each_language(lab: Laboratory, tmp_path: Path) -> None:
    study = questions_only()
    study["pages"]["consent"] = {"en": "consent.md", "de": "intro.md"}
    version_id = lab.open(study)
    with lab.session() as session:
        version = session.get_one(StudyVersion, version_id)
        export.write(session, version, lab.store, tmp_path / "bundle")
    pages = tmp_path / "bundle" / "study" / "pages"
    assert {each.name for each in pages.iterdir()} == {
        "consent.en.md",
        "consent.de.md",
        "instructions.md",
        "debrief.md",
    }
    assert (pages / "consent.de.md").read_text().startswith("# What you will see")


@pytest.mark.parametrize("language", ["de", "es"])
def test_a_point_before_three_digits_is_unclear_where_a_comma_is_the_decimal_mark(
    app: Flask, language: str
) -> None:
    with app.test_request_context("/p/x"):
        speak(language)
        with pytest.raises(Wrong):
            parse("1.000")
        assert parse("1,5") == parse("1.5") == 1.5
        speak("en")
        assert parse("1.250") == 1.25

"""Every kind of item on real pages without JavaScript: asked, answered well or not, exported."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from browsing import Visitor
from kinds import ANSWERS, ITEMS, STORED, all_kinds
from lab import Laboratory, both
from sqlalchemy import select

from webapp import export
from webapp.models import Response, StudyVersion

BAD = {
    "missing": "",
    "null": "\x00",
    "script": "<script>alert(1)</script>",
    "long": "x" * 30_000,
    "type": "twelve",
    "beyond": "99999999",
}


@pytest.fixture
def visitor(app: Any, lab: Laboratory) -> Visitor:
    """Somebody at the page with every kind of item."""
    lab.open(all_kinds())
    return Visitor(app).enter("kinds")


def stored(lab: Laboratory) -> dict[str, Any]:
    """Every answer by item, as a value or a reason."""
    with lab.session() as session:
        found = session.scalars(select(Response).order_by(Response.id)).all()
        values = {}
        for each in found:
            given = [v for v in (each.number, each.text, each.json) if v is not None]
            assert len(given) == (0 if each.missing_reason else 1)
            values[each.item_id] = given[0] if given else f"({each.missing_reason})"
        return values


def wrong_at(visitor: Visitor) -> set[str]:
    """The items with a message beside them."""
    marks = (each for each in visitor.page.ids if each.endswith("-wrong"))
    return {each.removeprefix("item-").removesuffix("-wrong") for each in marks}


@both
def test_answers_of_every_kind_are_stored(visitor: Visitor, lab: Laboratory) -> None:
    visitor.send(**ANSWERS)
    assert visitor.status == 200
    assert stored(lab) == STORED


def test_an_empty_page_comes_back_with_every_message(visitor: Visitor, lab: Laboratory) -> None:
    visitor.post(visitor.form.action, {"seal": visitor.form.sent["seal"]})
    assert visitor.status == 422
    required = {name for name, item in ITEMS.items() if item.get("required", True)}
    assert wrong_at(visitor) == required
    # Every message is reached from the list at the top.
    targets = {link.removeprefix("#") for link in visitor.page.links if link.startswith("#item-")}
    assert targets <= set(visitor.page.ids)
    assert len(targets) == len(required)
    assert stored(lab) == {}


@pytest.mark.parametrize("how", BAD)
def test_a_bad_answer_is_said_beside_it_and_the_others_stay(
    how: str, visitor: Visitor, lab: Laboratory
) -> None:
    for name in (name for name, item in ITEMS.items() if item["kind"] != "text"):
        mine = [key for key in ANSWERS if key.split(".")[0] == f"item-{name}"]
        missing = how == "missing" and ITEMS[name].get("required", True)
        bad = dict.fromkeys(mine, BAD[how] or ("" if missing else "none"))
        visitor.send(**ANSWERS | bad)
        assert visitor.status == 422
        assert wrong_at(visitor) == {name}
        assert "<script>alert(1)" not in visitor.html
        kept = {key: value for key, value in ANSWERS.items() if key not in mine}
        assert {key: visitor.form.sent.get(key) for key in kept} == kept
    assert stored(lab) == {}
    visitor.send(**ANSWERS)
    assert stored(lab) == STORED


def test_a_bad_text_is_said_beside_it(visitor: Visitor, lab: Laboratory) -> None:
    for name, bad in [
        ("field", ""),
        ("field", "x" * 61),
        ("field", "a\x00b"),
        ("field", "a\nb"),
        ("comment", "x" * 501),
        ("comment", "a\x00b"),
    ]:
        visitor.send(**ANSWERS | {f"item-{name}": bad})
        assert visitor.status == 422
        assert wrong_at(visitor) == {name}
    assert stored(lab) == {}


def test_who_prefers_not_to_say_is_stored_as_that(visitor: Visitor, lab: Laboratory) -> None:
    refusing = [name for name, item in ITEMS.items() if item.get("may_refuse")]
    radios = ("likert", "semantic_differential", "yes_no", "choice")
    sent = dict(ANSWERS)
    expected = dict(STORED)
    for name in refusing:
        rows = [key for key in ANSWERS if key.startswith(f"item-{name}.")]
        for key in [f"item-{name}", *rows]:
            sent.pop(key, None)
        if ITEMS[name]["kind"] == "matrix":
            sent |= dict.fromkeys(rows, "?")
            expected |= {key.removeprefix("item-"): "(refused)" for key in rows}
        else:
            sent[f"item-{name}" if ITEMS[name]["kind"] in radios else f"item-{name}.?"] = "?"
            expected[name] = "(refused)"
    assert {ITEMS[name]["kind"] for name in refusing} == {item["kind"] for item in ITEMS.values()}
    visitor.post(visitor.form.action, {"seal": visitor.form.sent["seal"], **sent})
    assert stored(lab) == expected


def test_the_bundle_has_every_kind_and_where_it_stood(
    visitor: Visitor, lab: Laboratory, tmp_path: Path
) -> None:
    visitor.send(**ANSWERS)
    with lab.session() as session:
        version = session.scalars(select(StudyVersion)).one()
        export.write(session, version, lab.store, tmp_path / "bundle")
    with (tmp_path / "bundle" / "data" / "table-responses_data.csv").open(newline="") as file:
        rows = {row["item_id"]: row for row in csv.DictReader(file)}
    assert list(rows) == list(STORED)
    assert rows["order"]["value_json"] == '["words","heat","bars"]'
    assert rows["looked"]["value_json"] == '["heat","words"]'
    assert rows["agree.two"]["value_number"] == "5"
    assert rows["agree.two"]["item_kind"] == "likert"
    assert rows["sure"]["role"] == "confidence"
    assert rows["rely"]["role"] == "answer"
    places = [int(row["item_position"]) for row in rows.values()]
    assert places == list(range(1, len(STORED) + 1))
    design = json.loads((tmp_path / "bundle" / "study" / "design.json").read_text())
    assert set(design["items"]) == set(STORED)


def test_a_shuffled_page_keeps_its_order_and_stores_it(app: Any, lab: Laboratory) -> None:
    study = all_kinds()
    study["flow"][1]["item_order"] = "shuffled"
    for item in study["items"].values():
        item.pop("section", None)
    lab.open(study)
    orders = set()
    for _ in range(4):
        visitor = Visitor(app).enter("kinds")
        first = list(dict.fromkeys(_items_of(visitor)))
        visitor.get(visitor.path)
        assert list(dict.fromkeys(_items_of(visitor))) == first
        assert sorted(first) == sorted(ITEMS)
        visitor.send(**ANSWERS | {"item-slider": "7"})
        assert list(dict.fromkeys(_items_of(visitor))) == first
        visitor.send(**ANSWERS)
        with lab.session() as session:
            last = session.scalars(
                select(Response).order_by(Response.id.desc()).limit(len(STORED))
            ).all()
        by_place = sorted(last, key=lambda each: each.item_position or 0)
        assert list(dict.fromkeys(each.item_id.split(".")[0] for each in by_place)) == first
        orders.add(tuple(first))
    assert len(orders) > 1


def _items_of(visitor: Visitor) -> list[str]:
    """The items of a page in order, some of them several times."""
    controls = (each for each in visitor.page.ids if each.startswith("item-"))
    return [re.sub(r"^item-(\w+)[.-].*", r"\1", each) for each in controls]

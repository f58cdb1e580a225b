"""A robot reads a page as a browser does, and answers every kind of question in it."""

import re
from collections import Counter
from datetime import date

import pytest

from webapp.simulate.answers import answer
from webapp.simulate.facts import Facts
from webapp.simulate.model import ATTENTION, EXCLUDED, Model
from webapp.simulate.page import Form, Page
from webapp.simulate.person import Person, person
from webapp.simulate.questions import questions

ELSEWHERE = Facts(3, 0.5, {}, None, None, None)
ON_TRIAL = Facts(3, 0.5, {"explanation": "shap"}, "digest", "7", "1")
CAREFUL = Model(slow=0, straight=0, hasty=0, dropout=0)
RANKING = """<form action="/go" method="post"><fieldset class="item ranking"><legend>Order</legend>
<p class="wrong" id="item-r-wrong">Give every entry a place of its own, from 1 to 3.</p><ol>{}
</ol></fieldset></form>"""
ENTRY = """<li><select name="item-r.{}" aria-describedby="item-r-wrong"><option value="">–</option>
<option>1</option><option>2</option><option>3</option></select></li>"""


def form(inside: str) -> Form:
    return Page(f'<form method="post" action="/go">{inside}</form>').forms[0]


def sent(inside: str, who: Person | None = None, at: Facts = ELSEWHERE) -> list[tuple[str, str]]:
    found = form(inside)
    return answer(found, who or person(CAREFUL, 0), at).over(found)


def radios(name: str, values: list[str], kind: str, more: str = "") -> str:
    buttons = "".join(f'<input type="radio" name="{name}" value="{value}">' for value in values)
    return f'<fieldset class="item {kind}" aria-required="true">{buttons}{more}</fieldset>'


def test_untouched_controls_are_sent_as_a_browser_sends_them() -> None:
    """HTML, "constructing the entry list": what is on, enabled and named."""
    found = form(
        '<input type="hidden" name="seal" value="&lt;s&gt;"><input name="a" value="1">'
        '<input name="off" value="2" disabled><input value="nameless">'
        '<input type="checkbox" name="b"><input type="checkbox" name="c" checked>'
        '<input type="radio" name="d" value="x"><input type="radio" name="d" value="y" checked>'
        "<textarea name=e>\n\nfirst &amp; last\n</textarea>"
        '<select name="f"><option disabled>no</option><option> one </option></select>'
        '<select name="g" multiple><option selected value="p"><option value="q"></select>'
        '<button type="button" name="h" value="no">-</button>'
        '<button name="choice" value="agree">+</button>'
    )
    assert found.untouched() == [
        ("seal", "<s>"),
        ("a", "1"),
        ("c", "on"),
        ("d", "y"),
        ("e", "\nfirst & last\n"),
        ("f", "one"),
        ("g", "p"),
    ]
    assert found.buttons == [("choice", "agree")]


def test_what_is_hidden_stays_and_refusals_are_left_alone() -> None:
    inside = '<input type="hidden" name="seal" value="abc">' + radios(
        "item-t", ["1", "2", "3", "?"], "likert"
    )
    inside += '<div class="item text"><textarea name="item-w" required></textarea>'
    inside += '<input type="checkbox" name="item-w.?" value="?"></div>'
    for number in range(20):
        given = dict(sent(inside, person(CAREFUL, number)))
        assert given["seal"] == "abc"
        assert given["item-t"] in ("1", "2", "3")
        assert given["item-w"]
        assert "item-w.?" not in given


def test_a_straight_liner_gives_the_same_point_everywhere() -> None:
    points = [str(point) for point in range(1, 8)]
    who = next(
        p for n in range(99) if (p := person(Model(straight=1, hasty=0, slow=0), n)).line > 0.9
    )
    inside = "".join(radios(f"item-{name}", points, "likert") for name in "abc")
    assert {value for _, value in sent(inside, who, ON_TRIAL)} in ({"6"}, {"7"})


def test_every_place_of_a_ranking_is_given_once() -> None:
    page = RANKING.format("".join(ENTRY.format(name) for name in "abc"))
    found = Page(page).forms[0]
    assert [each.kind for each in questions(found)] == ["order"]
    given = dict(answer(found, person(CAREFUL, 0), ELSEWHERE).over(found))
    assert set(given) == {"item-r.a", "item-r.b", "item-r.c"}
    assert sorted(given.values()) == ["1", "2", "3"]


def test_numbers_keep_to_what_the_control_or_the_message_allows() -> None:
    line = (
        '<input inputmode="decimal" name="item-s" required '
        'data-min="-1" data-max="1" data-step="0.5">'
    )
    told = (
        '<p class="wrong" id="w">Write a number from 150 to 160.</p>'
        '<input type="text" inputmode="numeric" name="item-n" aria-describedby="unit w">'
    )
    for number in range(20):
        assert sent(line, person(CAREFUL, number), ON_TRIAL)[0][1] in (
            "-1",
            "-0.5",
            "0",
            "0.5",
            "1",
        )
        assert 150 <= int(sent(told, person(CAREFUL, number))[0][1]) <= 160


def test_dates_lie_within_their_limits() -> None:
    inside = '<input type="date" name="item-d" min="2026-01-30" max="2026-02-02" required>'
    days = {sent(inside, person(CAREFUL, number))[0][1] for number in range(40)}
    assert {date.fromisoformat(day) for day in days} == {
        date(2026, 1, 30),
        date(2026, 1, 31),
        date(2026, 2, 1),
        date(2026, 2, 2),
    }


@pytest.mark.parametrize(
    ("said", "most"), [("Choose 2 of the answers.", 2), ("Choose 2 to 3 of the answers.", 3)]
)
def test_as_many_are_chosen_as_the_message_asks_for(said: str, most: int) -> None:
    boxes = "".join(f'<input type="checkbox" name="item-m" value="{v}">' for v in "abcde")
    inside = f'<fieldset aria-describedby="w"><p class="wrong" id="w">{said}</p>{boxes}</fieldset>'
    for number in range(20):
        given = sent(inside, person(CAREFUL, number))
        assert 2 <= len(given) <= most
        assert len(set(given)) == len(given)


def test_decisions_are_right_as_often_as_stated() -> None:
    labels = [str(label) for label in range(10)]
    first = radios("item-initial", labels, "choice")
    foreseen = radios("item-simulated", labels, "choice")
    final = radios("item-final", labels, "choice")
    model = Model(accuracy=0.8, follow=1.0, slow=0, straight=0, hasty=0)
    crowd = [person(model, number) for number in range(400)]
    given = Counter(sent(first, each, ON_TRIAL)[0][1] for each in crowd)
    # Within 4 standard errors of a share of 400.
    assert abs(given["7"] / 400 - 0.8) < 4 * (0.8 * 0.2 / 400) ** 0.5
    told = Counter(sent(foreseen, each, ON_TRIAL)[0][1] for each in crowd)
    assert abs(told["1"] / 400 - 0.8) < 4 * (0.8 * 0.2 / 400) ** 0.5
    assert {sent(final, each, ON_TRIAL)[0][1] for each in crowd} == {"1"}


def test_who_does_not_follow_stays_with_the_first_decision() -> None:
    labels = [str(label) for label in range(10)]
    model = Model(accuracy=0.5, follow=0.0, slow=0, straight=0, hasty=0)
    later = Facts(4, 0.6, ON_TRIAL.condition, "digest", "7", "1")
    for number in range(50):
        who = person(model, number)
        first = sent(radios("item-initial", labels, "choice"), who, ON_TRIAL)[0][1]
        last = sent(radios("item-final", labels, "choice"), who, later)[0][1]
        assert first == last


def test_a_better_explanation_is_rated_higher() -> None:
    inside = radios("item-trust", [str(point) for point in range(1, 8)], "likert")
    model = Model(effects={("explanation", "shap"): 3.0}, slow=0, straight=0, hasty=0)
    other = Facts(3, 0.5, {"explanation": "none"}, "digest", "7", "1")
    crowd = [person(model, number) for number in range(200)]
    with_it, without = (
        sum(int(sent(inside, each, at)[0][1]) for each in crowd) / len(crowd)
        for at in (ON_TRIAL, other)
    )
    assert with_it - without > 1.5


def test_words_are_words_and_no_longer_than_allowed() -> None:
    inside = '<textarea name="item-w" maxlength="9" required></textarea>'
    text = sent(inside)[0][1]
    assert 0 < len(text) <= 9
    assert re.fullmatch(r"[A-Za-z ]+", text)


def test_few_give_an_answer_that_leaves_them_out() -> None:
    at = Facts(3, 0.5, {}, None, None, None, excluding={"keep": "0"})
    inside = radios("item-keep", ["1", "0"], "yes_no")
    given = Counter(sent(inside, person(CAREFUL, number), at)[0][1] for number in range(400))
    assert abs(given["0"] / 400 - EXCLUDED) < 4 * (EXCLUDED * (1 - EXCLUDED) / 400) ** 0.5


def test_who_reads_a_check_answers_it_right_and_who_does_not_guesses() -> None:
    at = Facts(3, 0.5, {}, None, None, None, correct={"check": ["c"]})
    inside = radios("item-check", list("abcdefghij"), "choice")

    def share(model: Model) -> float:
        people = (person(model, number) for number in range(400))
        return sum(sent(inside, each, at)[0][1] == "c" for each in people) / 400

    by_luck = ATTENTION + (1 - ATTENTION) / 10
    assert abs(share(CAREFUL) - by_luck) < 4 * (by_luck * (1 - by_luck) / 400) ** 0.5
    hasty = Model(slow=0, straight=0, hasty=1, dropout=0)
    assert abs(share(hasty) - 0.1) < 4 * (0.1 * 0.9 / 400) ** 0.5

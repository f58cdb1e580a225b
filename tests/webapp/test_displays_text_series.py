"""Texts and series: what counted stands where it counted, in words, lines and numbers."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask import Flask, render_template

from explainer.artifact import Continuation, Explanation, Forecast, Job, Run, Stimulus, Store
from webapp import displays
from webapp.displays import adding, project
from webapp.displays.series import LINE
from webapp.displays.text import LEVELS

TEXT = "A <b>fine</b> film, though long."
PLAYERS = ((0, 1), (2, 13), (14, 18), (20, 26), (27, 31))


def text(**changes) -> Stimulus:
    found = Stimulus(
        kind="text",
        content=np.frombuffer(TEXT.encode(), np.uint8),
        truth="positive",
        labels=("negative", "positive"),
        log_probabilities=np.log(np.array([0.2, 0.8], np.float32)),
        checkpoint_digest="0" * 64,
        source={},
    )
    return replace(found, **changes)


def prompt() -> Stimulus:
    tokens = (" and", " dull")
    ones = np.ones(2, np.float32)
    return text(
        truth=None,
        labels=(),
        log_probabilities=np.zeros(0, np.float32),
        continuation=Continuation(tokens, -ones, ones),
    )


def series(actual: bool = True) -> Stimulus:
    past = np.linspace(100, 110, 8, dtype=np.float32)[:, None]
    told = np.array([112, 114], np.float32)
    return Stimulus(
        kind="series",
        content=past,
        truth=None,
        labels=(),
        log_probabilities=np.zeros(0, np.float32),
        checkpoint_digest="0" * 64,
        source={},
        forecast=Forecast(told, np.full(2, 110, np.float32), told + 1 if actual else None),
    )


def explained(of: Stimulus, outputs, values, players=PLAYERS) -> Explanation:
    values = np.asarray(values, np.float32)
    zeros = np.zeros(len(outputs), np.float32)
    job = Job("0" * 64, "0" * 64, "x", {}, 0)
    return Explanation(job, of.kind, players, tuple(outputs), "", values, zeros, zeros, None, None)


def test_words_are_coloured_where_they_stand() -> None:
    values = np.array([[0, 0], [-4, 4], [0, 0], [2, -2], [0, 1]])
    found = project(text(), explained(text(), ("negative", "positive"), values))
    (reading,) = found.readings
    assert "".join(piece.text for piece in reading.pieces) == TEXT
    levels = {piece.text: piece.level for piece in reading.pieces}
    assert levels["<b>fine</b>"] == LEVELS
    assert levels["though"] == round(-LEVELS / 2)
    assert levels["long"] == round(LEVELS / 4)
    assert levels["film"] == levels["."] == 0
    shares = {piece.text: piece.share for piece in reading.pieces}
    assert shares["<b>fine</b>"] == round(100 * 4 / 7)
    assert shares["."] is None
    assert (found.answer, found.written) == ("positive", False)


def test_each_token_that_was_written_has_a_reading_of_its_own() -> None:
    values = np.zeros((5, 3))
    values[1], values[3] = (3, 0, 3), (0, -2, -2)
    outputs = ("1: and", "2: dull", "sum")
    found = project(prompt(), explained(prompt(), outputs, values))
    assert [reading.name for reading in found.readings] == [None, "1: and", "2: dull"]
    whole, first, second = (
        {piece.text: piece.level for piece in reading.pieces} for reading in found.readings
    )
    assert whole["<b>fine</b>"] == first["<b>fine</b>"] == LEVELS
    assert first["though"] == 0
    assert second["though"] == -LEVELS
    assert found.answer == " and dull"


def test_without_a_sum_the_tokens_add_up() -> None:
    values = np.zeros((5, 2))
    values[0], values[1] = (1, 1), (-1, 0)
    whole = project(prompt(), explained(prompt(), ("1: and", "2: dull"), values)).readings[0]
    assert {p.text: p.level for p in whole.pieces}["A"] == LEVELS
    assert {p.text: p.level for p in whole.pieces}["<b>fine</b>"] == round(-LEVELS / 2)


@pytest.mark.parametrize("of", [text(), prompt()])
def test_a_text_is_a_text_and_no_markup(app: Flask, of: Stimulus) -> None:
    outputs = ("positive",) if of.continuation is None else ("sum",)
    for found in (project(of, None), project(of, explained(of, outputs, np.eye(5)[:, :1]))):
        with app.test_request_context():
            html = render_template("displays/text.html", shown=found, truth=False)
        assert "<b>fine</b>" not in html
        words = re.sub(r"<[^>]+>", "", html)
        assert "A &lt;b&gt;fine&lt;/b&gt; film, though long." in words
        assert "style=" not in html
        assert ("counted" in words) is bool(found.readings)


def test_the_forecast_goes_on_where_the_past_ends() -> None:
    found = project(series(), None)
    assert found.past.split()[-1] == found.forecast.split()[0] == found.naive.split()[0]
    heights = [float(point.split(",")[1]) for point in found.forecast.split()]
    assert heights == sorted(heights, reverse=True)
    assert len({point.split(",")[1] for point in found.naive.split()}) == 1
    assert found.ahead == ((1, 112.0, 110.0, 113.0), (2, 114.0, 110.0, 115.0))
    assert found.bars == ()


def test_bars_stand_under_their_days_up_for_what_raised_the_forecast() -> None:
    players = ((0, 4), (4, 8))
    values = np.array([[2.0, 4.0, 3.0], [-1.0, -2.0, -1.5]])
    found = project(series(), explained(series(), ("+1", "+2", "mean"), values, players))
    up, down = found.bars
    assert (up.value, down.value) == (3.0, -1.5)
    assert (up.first, up.last, down.first, down.last) == (1, 4, 5, 8)
    assert up.y + up.height == pytest.approx(found.zero)
    assert down.y == pytest.approx(found.zero)
    assert up.height == pytest.approx(2 * down.height)
    assert up.y > LINE
    assert up.mean == pytest.approx(np.linspace(100, 110, 8)[:4].mean())


def test_what_came_is_shown_with_the_truth_only(app: Flask) -> None:
    found = project(series(), None)
    with app.test_request_context():
        shown, hidden = (
            render_template("displays/series.html", shown=found, truth=truth)
            for truth in (True, False)
        )
    assert "What came" in shown
    assert "What came" not in hidden
    assert "115.00" not in hidden


def test_a_flat_series_is_drawn() -> None:
    flat = replace(series(False), content=np.full((8, 1), 5, np.float32))
    assert "nan" not in project(flat, None).past
    told = Forecast(*(np.full(2, 5, np.float32),) * 2, None)
    assert "nan" not in project(replace(flat, forecast=told), None).past


def test_a_photograph_keeps_its_colours() -> None:
    content = np.zeros((4, 4, 3), np.uint8)
    content[..., 0] = 255
    of = replace(text(), kind="image", content=content)
    players = tuple((k,) for k in range(16))
    found = project(of, explained(of, ("positive",), np.eye(16)[:, :1], players))
    assert found.heat is not None
    assert found.rows[0][0].ink == round(100 * (1 - 1 / 3))


def test_a_chart_does_not_tell_what_came_by_its_scale(app: Flask, tmp_path: Path) -> None:
    """Two futures, one far below everything: without the truth both are drawn alike."""
    store, drawn = Store(tmp_path), []
    for low in (90, 10):
        told = replace(series().forecast, actual=np.full(2, low, np.float32))
        digest = store.write(replace(series(), forecast=told))
        with app.test_request_context():
            drawn.append(
                [
                    displays.render(tmp_path, digest, None, truth=truth, language="en")[0]
                    for truth in (False, True)
                ]
            )
    assert drawn[0][0] == drawn[1][0]
    assert drawn[0][1] != drawn[1][1]


def test_channels_inside_a_model_have_a_strip_each() -> None:
    players, names = ((0, 4), (4, 8)), ("channel 3", "channel 7")
    found = project(series(), explained(series(), names, [[1, -2], [-1, 4]], players))
    assert found.bars == ()
    assert [lane.name for lane in found.lanes] == list(names)
    for lane, raised in zip(found.lanes, ((True, False), (False, True)), strict=True):
        assert tuple(bar.raised for bar in lane.bars) == raised
        for bar in lane.bars:
            assert lane.zero == pytest.approx(bar.y + bar.height if bar.raised else bar.y)
    assert found.lanes[0].bars[1].y + found.lanes[0].bars[1].height < found.lanes[1].bars[1].y


@pytest.mark.parametrize("of", [text(), prompt()])
def test_channels_are_not_said_to_count(app: Flask, of: Stimulus) -> None:
    values = np.eye(5)[:, :2] - 0.5
    found = project(of, explained(of, ("channel 3", "channel 7"), values))
    assert found.inside
    assert [reading.name for reading in found.readings] == ["channel 3", "channel 7"]
    with app.test_request_context():
        html = render_template("displays/text.html", shown=found, truth=False)
    assert "counted" not in html
    assert html.count("inside the model was active") == 2


def test_ideas_of_a_model_are_bars_and_no_places(app: Flask) -> None:
    content = np.zeros((4, 4), np.uint8)
    of = replace(text(), kind="image", content=content)
    found = project(of, explained(of, ("positive",), [[3.0], [-1.0], [0.0]], ((), (), ())))
    assert (found.heat, found.hatching) == (None, "")
    assert [(each.number, each.share) for each in found.concepts] == [(1, 75), (2, -25), (3, 0)]
    assert [each.length for each in found.concepts] == [100, 33.3, 0]
    with app.test_request_context():
        html = render_template("displays/image.html", shown=found, truth=False, source=str)
    assert "Red bars to the right counted for the answer." in html
    assert "-25 %" in html


def test_each_written_token_can_be_chosen_without_being_sent(app: Flask) -> None:
    """Its radio button is nobody's: the browser sends it with no form."""
    values = np.zeros((5, 3))
    values[1], values[3] = (3, 0, 3), (0, -2, -2)
    found = project(prompt(), explained(prompt(), ("1: and", "2: dull", "sum"), values))
    with app.test_request_context():
        html = render_template("displays/text.html", shown=found, truth=False, tag="a-")
    radios = re.findall(r"<input type=\"radio\"[^>]*>", html)
    assert [re.search(r'value="(\d)"', radio)[1] for radio in radios] == ["0", "1", "2"]
    assert all('form="a-nothing"' in radio and 'name="a-wrote"' in radio for radio in radios)
    assert 'id="a-nothing"' not in html
    assert ["checked" in radio for radio in radios] == [True, False, False]
    # What was driven by what stands right behind its button.
    for behind, word, level in zip(
        html.split("<input")[1:], ("fine", "fine", "though"), (5, 5, -5), strict=True
    ):
        mark = f"for-{level}" if level > 0 else f"against-{-level}"
        assert re.search(rf'class="{mark}">[^/]*{word}', behind)
    assert [reading.joined for reading in found.readings] == [False, False, False]


def test_a_token_that_goes_on_with_a_word_is_joined_to_it() -> None:
    ones = np.ones(2, np.float32)
    of = prompt()
    of = replace(of, continuation=Continuation((" du", "ll"), -ones, ones))
    found = project(of, explained(of, ("1: du", "2: ll"), np.zeros((5, 2))))
    assert [reading.joined for reading in found.readings] == [False, False, True]


def test_a_stand_in_and_its_control_say_how_faithful_it_is(app: Flask, tmp_path: Path) -> None:
    """The control's own run found nothing out, which would tell it apart."""
    store, run = Store(tmp_path), Run(0.0, 0, "cpu", {})
    digest = store.write(series())
    players = ((0, 4), (4, 8))
    real = explained(series(), ("mean",), [[1.0], [-2.0]], players)
    real = replace(real, job=replace(real.job, method="surrogate"))
    details = {"surrogate": "mlp", "fidelity": {"r2": 0.8312}}
    source = store.write_result(real, replace(run, details=details))
    job = replace(real.job, method="shuffled", parameters={"of": source})
    control = store.write_result(replace(real, job=job, values=real.values[::-1].copy()), run)
    plain = store.write_result(replace(real, job=replace(job, method="x", parameters={})), run)
    with app.test_request_context():
        own, other, none = (
            displays.render(tmp_path, digest, each, truth=False, language="en")[0]
            for each in (source, control, plain)
        )
    said = r"agreed with the model's forecasts by R<sup>2</sup> = 0.83,"
    assert re.search(said, own)
    assert re.search(said, other)
    assert "stand-in" not in none


@pytest.mark.parametrize("outputs", [("+1", "+2"), ("+1", "+2", "mean")])
def test_a_forecast_adds_up_from_its_baseline(outputs: tuple[str, ...]) -> None:
    values = np.array([[2.0, 4.0, 3.0], [-1.0, -2.0, -1.5]])[:, : len(outputs)]
    found = explained(series(), outputs, values, ((0, 4), (4, 8)))
    base = np.array([111, 111.5, 111.25], np.float32)[: len(outputs)]
    full = base + found.values.sum(0)
    found = replace(found, base_values=base, full_values=full, completeness_gap=0.0)
    added = adding.total(series(), found)
    assert added is not None
    assert [line.said for line in added.lines] == ["111.25", "+3.00", "-1.50", "112.75"]
    assert (added.unit, added.zero) == ("forecast", None)
    # Not from 0 on, where what moved it could not be seen.
    assert [line.x for line in added.lines[:2]] == [0, 0]
    assert added.lines[1].width == pytest.approx(100)


def test_tokens_add_up_to_what_was_written() -> None:
    values = np.array([[1.0, 0.5], [0, -0.25], [0, 0], [0, 0], [0, 0]])
    found = explained(prompt(), ("1: and", "2: dull"), values)
    base = np.array([-3, -4], np.float32)
    found = replace(found, base_values=base, full_values=base + values.sum(0), completeness_gap=0.0)
    added = adding.total(prompt(), found)
    assert added is not None
    assert [line.said for line in added.lines] == ["-7.00", "+1.50", "-0.25", "-5.75"]
    assert {line.percent for line in added.lines} == {None}

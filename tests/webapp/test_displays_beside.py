"""What stands beside an explanation: how it adds up, how it was tested, in whose words."""

import re
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from browsing import Visitor
from flask import Flask
from lab import LABELS, Laboratory, definition, explanation, stimulus, write_study
from pydantic import ValidationError

from explainer.artifact import ArtifactError, Explanation, Measures, Run, Store
from explainer.methods.senn import packed
from webapp import displays
from webapp.definition import Definition, json_schema
from webapp.displays import Manner, adding, manner_of
from webapp.displays.curves import HEIGHT, WIDTH, curves
from webapp.displays.image import project
from webapp.displays.number import number
from webapp.problems import FileError
from webapp.studies import StudyError, open_study
from webapp.study import read

RUN = Run(0.0, 0, "cpu", {})
BESIDE = Manner(sums=True, curves=True)


def classified(values: list[float], base: float, **changes: Any) -> Explanation:
    """An explanation of a digit by as many stripes of pixels as there are values."""
    of = stimulus(0, right=True)
    stripes = np.array_split(np.arange(784), len(values))
    found = np.array(values, np.float32)[:, None]
    made = replace(
        explanation(of, "0" * 64, 1),
        players=tuple(tuple(map(int, stripe)) for stripe in stripes),
        values=found,
        base_values=np.array([base], np.float32),
        full_values=np.array([base + found.sum()], np.float32),
        value_function="log-probability; masked pixels set to the mean",
    )
    return replace(made, **changes)


def test_what_counted_leads_from_the_start_to_the_end() -> None:
    of = stimulus(0, right=True)
    found = adding.total(of, classified([3.0, -1.0, 0.5], -4.0))
    assert found is not None
    assert [line.kind for line in found.lines] == ["base", "for", "against", "full"]
    assert [line.said for line in found.lines] == ["-4.00", "+3.50", "-1.00", "-1.50"]
    assert [line.percent for line in found.lines] == ["2 %", None, None, "22 %"]
    base, up, down, full = found.lines
    # From -4 to 0 is the whole width: up ends where down begins, and down where full does.
    assert (base.x, base.width) == (0, 100)
    assert (up.x, up.width) == (0, pytest.approx(87.5))
    assert (down.x, down.width) == (pytest.approx(62.5), pytest.approx(25))
    assert (full.x, full.x + full.width) == (pytest.approx(62.5), pytest.approx(100))
    assert found.zero == 100
    assert found.unit == "logarithm"


def test_what_a_method_could_not_share_out_is_said() -> None:
    of = stimulus(0, right=True)
    full = np.array([-1.0], np.float32)
    found = adding.total(of, classified([3.0, -1.0], -4.0, full_values=full, completeness_gap=1.0))
    assert found is not None
    assert [(line.kind, line.value) for line in found.lines][3] == ("rest", pytest.approx(1.0))
    rounding = classified([3.0, -1.0], -4.0, full_values=np.array([-1.99], np.float32))
    assert "rest" not in {line.kind for line in adding.total(of, rounding).lines}  # type: ignore[union-attr]


def test_what_does_not_add_up_has_no_sum() -> None:
    assert adding.total(stimulus(0, right=True), classified([1], 0, completeness_gap=None)) is None


@pytest.mark.parametrize(
    ("value", "sign", "said"),
    [
        (-0.0004, True, "0.00"),
        (-0.0004, False, "0.00"),
        (0.25, True, "+0.25"),
        (4498.6, False, "4,498.60"),
        (-12345.6, True, "-12,346"),
    ],
)
def test_numbers_are_written_without_a_zero_below_zero(value: float, sign: bool, said: str) -> None:
    assert number(value, sign=sign) == said


@pytest.mark.parametrize(
    ("chance", "said"), [(0.5, "50 %"), (0.9994, "99.94 %"), (0.0031, "0.31 %"), (1.0, "100 %")]
)
def test_a_logarithm_is_said_as_a_chance(chance: float, said: str) -> None:
    found = adding.total(stimulus(0, right=True), classified([log(chance) + 4], -4.0))
    assert found is not None
    assert found.lines[-1].percent == said


def test_a_curve_falls_from_the_left_to_the_right() -> None:
    shares = [0.0, 0.5, 1.0]
    own = {"shares": shares, "deletion": [2.0, 0.0, 0.0], "insertion": [0.0, 0.0, 0.0]}
    chance = {"shares": shares, "deletion": [2.0, 1.0, 0.0], "insertion": [0.0, 0.0, 0.0]}
    found = curves(Measures(curves={"removal": own, "random_removal": chance}))
    assert found is not None
    assert found.own == f"0.0,0.0 {WIDTH / 2},{HEIGHT} {WIDTH},{HEIGHT}"
    assert found.chance == f"0.0,0.0 {WIDTH / 2},{HEIGHT / 2} {WIDTH},{HEIGHT}"
    assert found.rows[1] == (25, "1.00", "1.50")
    assert curves(None) is None
    assert curves(Measures()) is None


def of_study(**changes: Any) -> Definition:
    """The small study without its control, changed."""
    study = definition()
    del study["explanations"]["mismatched"]
    study["factors"]["explanation"]["levels"] = ["none", "shap"]
    for path, value in changes.items():
        study[path] = value
    return Definition.model_validate(study)


def manner(found: Definition) -> Manner:
    (block,) = found.blocks
    return manner_of(found, block)


SHAP = {"method": "partition", "parameters": {"evaluations": 100}}


@pytest.mark.parametrize(
    ("other", "sums"),
    [
        (None, True),
        ({"method": "permutation"}, True),
        ({"method": "placebic", "of": "shap"}, True),
        ({"method": "occlusion"}, False),
        ({"method": "mismatched", "of": "shap"}, False),
        ({"method": "shuffled", "of": "shap"}, False),
        ({"method": "random", "of": "shap"}, False),
        ({"method": "randomised", "of": "shap"}, False),
    ],
)
def test_sums_are_shown_where_every_drawing_adds_up(other: Any, sums: bool) -> None:
    explanations = {"shap": SHAP} | ({} if other is None else {"other": other})
    levels = ["none", *explanations]
    found = of_study(
        explanations=explanations, factors={"explanation": {"levels": levels, "vary": "within"}}
    )
    assert manner(found).sums is sums


def test_a_study_that_draws_nothing_adds_nothing_up() -> None:
    assert not manner(of_study(factors={})).sums


def shown(app: Flask, root: Path, of: str, found: str, **how: Any) -> str:
    how = {"truth": False, "language": "en", "manner": BESIDE, **how}
    with app.test_request_context():
        return str(displays.render(root, of, found, **how)[0])


def test_sums_and_curves_need_the_answer_on_the_page(app: Flask, lab: Laboratory) -> None:
    lab.prepare(lab.load())
    (of, found), *_ = lab.ready[1].explanations["shap"].items()
    root = lab.store.root
    told = shown(app, root, of, found)
    assert "How it adds up" in told
    assert "How it was tested" in told
    hidden = shown(app, root, of, found, answer=False)
    plain = shown(app, root, of, found, manner=Manner())
    for html in (hidden, plain):
        assert "How it" not in html


def test_a_study_says_how_to_read_in_its_own_words(app: Flask, lab: Laboratory) -> None:
    lab.prepare(lab.load())
    (of, found), *_ = lab.ready[1].explanations["shap"].items()
    words = {"for": {"en": "Red <speaks> for it.", "de": "Rot spricht dafür."}}
    own = Manner(legend=words)
    html = shown(app, lab.store.root, of, found, manner=own)
    assert "Red &lt;speaks&gt; for it." in html
    assert "Red parts counted" not in html
    assert "Blue, hatched parts counted against it." in html
    assert "Rot spricht" in shown(app, lab.store.root, of, found, manner=own, language="de")


def mistakes(folder: Path, display: Any, levels: list[str]) -> list[str]:
    """What is said of the small study with this display."""
    study = definition()
    study["flow"][2]["display"] = display
    study["factors"]["explanation"]["levels"] = levels
    try:
        read(write_study(folder, yaml.safe_dump(study)), folder)
    except FileError as error:
        return [f"{'.'.join(map(str, each.path))}: {each.message}" for each in error.problems]
    return []


def test_a_display_is_checked(tmp_path: Path) -> None:
    real, all_of_them = ["none", "shap"], ["none", "shap", "mismatched"]
    both = {"en": "Red is for it.", "de": "Rot spricht dafür."}
    assert mistakes(tmp_path, {"legend": {"for": both}, "curves": True}, real) == []
    (lacking,) = mistakes(tmp_path, {"legend": {"for": {"en": "Red is for it."}}}, real)
    assert lacking.startswith("flow.2.display.legend.for: participants read it in de too")
    (told,) = mistakes(tmp_path, {"curves": True}, all_of_them)
    assert told.startswith("flow.2.display.curves: a curve would tell that mismatched is a control")
    (unknown,) = mistakes(tmp_path, {"legend": {"red": both}}, real)
    assert unknown.startswith("flow.2.display.legend.red: unknown key")


def test_editors_know_the_display() -> None:
    schema = json_schema()["$defs"]
    assert set(schema["Legend"]["properties"]) == {"for", "against", "strength"}
    assert set(schema["Display"]["properties"]) == {"legend", "curves"}
    with pytest.raises(ValidationError):
        of_study(flow=[{"step": "consent"}, {"block": "x", "display": {"curves": "often"}}])


def concepts_of(of: Any, digest: str) -> Explanation:
    """Three ideas, which lie nowhere in the picture."""
    return replace(
        explanation(of, digest, 1),
        players=((), (), ()),
        values=np.array([[1.0], [-2.0], [0.5]], np.float32),
        value_function="logit; relevance x concept, nothing masked",
    )


def test_ideas_have_their_pictures_and_so_has_a_control(app: Flask, tmp_path: Path) -> None:
    """A control's run knows no prototypes, which would tell it apart: its source's are drawn."""
    store, of = Store(tmp_path), stimulus(0, right=True)
    digest = store.write(of)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 9, 28, 28), np.uint8)
    real = concepts_of(of, digest)
    source = store.write_result(real, replace(RUN, details={"prototypes": packed(pictures)}))
    job = replace(real.job, method="mismatched", parameters={"of": source})
    control = store.write_result(replace(real, job=job, completeness_gap=None), RUN)
    real_html, control_html = (shown(app, tmp_path, digest, each) for each in (source, control))
    strips = re.findall(r'<img src="(data:[^"]+)" alt="Four pictures', real_html)
    assert len(set(strips)) == 3
    assert re.findall(r'<img src="(data:[^"]+)" alt="Four pictures', control_html) == strips
    # The strongest first, each with its own number.
    assert re.findall(r'<th scope="row">(\d)</th>\s*<td><img', real_html) == ["2", "1", "3"]


def test_damaged_prototypes_are_an_error_that_says_so(app: Flask, tmp_path: Path) -> None:
    store, of = Store(tmp_path), stimulus(0, right=True)
    digest = store.write(of)
    details = {"prototypes": {"shape": [3, 4, 28, 28], "zlib": "eJw="}}
    found = store.write_result(concepts_of(of, digest), replace(RUN, details=details))
    with pytest.raises(ArtifactError, match="prototypes cannot be read"):
        shown(app, tmp_path, digest, found)


def test_the_answers_held_most_likely_are_side_by_side() -> None:
    of = stimulus(0, right=True)
    likely = np.full(10, 0.01)
    likely[[3, 8, 1]] = 0.6, 0.2, 0.1
    of = replace(of, log_probabilities=np.log(likely).astype(np.float32))
    values = np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32)
    values[:, LABELS.index("8")] *= 10
    every = replace(
        explanation(of, "0" * 64, 1),
        players=tuple((pixel,) for pixel in range(784)),
        outputs=LABELS,
        values=values,
    )
    first, second, third = project(of, every).classes
    assert [first.label, second.label, third.label] == ["3", "8", "1"]
    # One scale for all: what is ten times as strong is as strong in colour too.
    hatched = [sum(map(int, re.findall(r"h(\d+)v", each.hatching))) for each in (first, second)]
    assert hatched[0] < hatched[1] / 2
    # The table says what the map of each does.
    column = values[:, 8].reshape(28, 28)
    share = 100 * column[:7, :7].sum() / np.abs(column).sum()
    assert second.shares[0][0] == round(float(share))
    assert project(of, every, answer=False).classes == ()
    assert project(of, explanation(of, "0" * 64, 1)).classes == ()


def with_curves() -> dict[str, Any]:
    """The small study without its control; its block has curves, and words of its own."""
    study = definition()
    del study["explanations"]["mismatched"]
    study["factors"]["explanation"]["levels"] = ["none", "shap"]
    legend = {"for": {"en": "Red speaks for it.", "de": "Rot spricht dafür."}}
    study["flow"][2]["display"] = {"curves": True, "legend": legend}
    return study


def test_a_participant_meets_what_the_block_asks_for(app: Flask, lab: Laboratory) -> None:
    lab.open(with_curves())
    visitor = Visitor(app).enter()
    visitor.until("What counted")
    for said in ("Red speaks for it.", "How it adds up", "How it was tested"):
        assert said in visitor.page.text


def test_a_study_with_curves_opens_once_they_are_measured(lab: Laboratory) -> None:
    lab.prepare(lab.load(with_curves()))
    digests = list(lab.ready[1].explanations["shap"].values())
    measured = lab.store.read_measures(digests[0])
    assert measured is not None
    for nothing in (Measures(), Measures(reasons={"removal": "it has no places to hide"})):
        lab.store.write_measures(digests[0], nothing)
        with lab.session() as session, pytest.raises(StudyError) as refused:
            open_study(session, "small", lab.store)
        assert "the curves of 1 explanations shap" in str(refused.value)
        assert ("it has no places to hide; leave curves out" in str(refused.value)) is bool(
            nothing.reasons
        )
    lab.store.write_measures(digests[0], measured)
    with lab.session() as session:
        open_study(session, "small", lab.store)

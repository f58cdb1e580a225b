import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import bundles
import pytest

from analysis.__main__ import main
from analysis.dataset import load
from analysis.drawing import draw
from analysis.report import page, write_report
from analysis.results import results

QUIET = {"declined": 0, "withdrawn": 0, "active": 0, "simulated": 0, "fast": 0}


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The folder of a report on the usual study, which tests only read."""
    out = tmp_path_factory.mktemp("usual") / "report"
    write_report(bundles.write(tmp_path_factory.mktemp("bundle"), bundles.Study()), out)
    return out


@pytest.fixture
def told(usual):
    """What that report found."""
    return json.loads((usual / "results.json").read_text())


def report(bundle, out) -> tuple[str, dict]:
    write_report(bundle, out)
    return (out / "report.html").read_text(), json.loads((out / "results.json").read_text())


class Checker(HTMLParser):
    """Collects what a page loads, and whether its tags close in order."""

    VOID = ("meta", "br", "link", "img", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and not value.startswith("#"):
                self.loads.append(value)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    return checker


def test_a_report_is_one_file_that_loads_nothing_and_runs_nothing(usual):
    text = (usual / "report.html").read_text()
    page = check(text)
    assert page.loads == []
    assert "script" not in page.tags
    assert "url(http" not in text
    assert {"caption", "svg", "figcaption"} <= page.tags
    assert len(page.ids) == len(set(page.ids))


def test_what_participants_typed_is_text(usual, told):
    text, found = (usual / "report.html").read_text(), told
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "=cmd()|&#x27; /C calc&#x27;!A0" in text
    why = next(item for item in found["main"]["items"] if item["item"] == "why")
    assert "=cmd()|' /C calc'!A0" in why["texts"]


def test_markup_in_the_study_and_its_levels_is_text(build, tmp_path):
    levels = ("<b>none</b>", "a&b $x_1$")
    study = bundles.design(bundles.Study(levels=levels))
    study["title"] = {"en": "<img src=x onerror=alert(1)>"}
    hypothesis = bundles.H1 | {"contrast": list(levels), "formula": "</code><script>"}
    study["hypotheses"] = [hypothesis]
    text, _ = report(build(new_design=study, levels=levels), tmp_path / "report")
    assert check(text).tags.isdisjoint({"script", "img", "b"})
    assert "a&amp;b $x_1$" in text


def test_the_same_bundle_gives_the_same_bytes(build, tmp_path):
    bundle = build(people=6)
    write_report(bundle, tmp_path / "here")
    # Another process has another hash seed, time and folder.
    subprocess.run(
        [sys.executable, "-m", "analysis", "report", bundle, "--out", tmp_path / "there"],
        check=True,
        capture_output=True,
    )
    names = {path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.*")}
    assert len(names) > 10
    for name in names:
        here, there = ((tmp_path / folder / name).read_bytes() for folder in ("here", "there"))
        assert here == there
        assert str(tmp_path).encode() not in here


def test_the_page_is_written_from_the_results_alone(told):
    found = told
    first = page(found, draw(found))
    hypothesis = found["main"]["hypotheses"][0]
    hypothesis["points"]["value"] = 2.5
    assert "2.50 points higher" not in first
    assert "2.50 points higher" in page(found, draw(found))


def test_flow_and_numbers(told):
    found = told
    people = found["participants"]
    assert people["asked"] == 29
    assert people["declined"] == 2
    assert people["enrolled"] == 27
    assert people["complete"] == 25
    assert people["analysed"] == found["main"]["n"] == 24
    assert found["with_excluded"]["n"] == 25
    assert found["rules"][0]["excluded"] == 1
    assert found["shown"]["n_wrong"] == 4
    conditions = found["main"]["ratings"][0]["conditions"]
    assert [c["level"] for c in conditions] == list(bundles.LEVELS)
    assert sum(c["n_answers"] for c in conditions) == 24 * 12
    assert all(sum(c["counts"].values()) == c["n_answers"] for c in conditions)
    assert found["main"]["hypotheses"][0]["p_holm"] == found["main"]["hypotheses"][0]["p"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"people": 0}, "Nobody could be analysed"),
        ({"people": 0, "declined": 3}, "Nobody could be analysed"),
        ({"people": 1}, "One person was analysed"),
        ({"people": 2}, "Only 2 people were analysed"),
        ({"people": 8, "rating": 7}, "at the highest point of its range"),
        ({"people": 8, "rating": 4}, "everyone gave one item the same answer"),
        ({"levels": ("shap",), "hypotheses": []}, "There was one condition only"),
        ({"hypotheses": []}, "No hypothesis was declared"),
        ({"missing": 0.3}, "are missing; they are left out"),
        ({"missing": 1.0}, "Nobody answered in the condition none, shap, mismatched"),
        ({"people": 3, "fast": 3}, "3 of 6 who finished were excluded"),
        ({"people": 3, "vary": "between"}, "H1 could not be tested: this needs at least two"),
        ({"people": 2, "levels": ("none",)}, "H1 could not be tested: no factor of the design"),
    ],
)
def test_poor_data_give_a_report_with_a_stated_limitation(build, tmp_path, options, said):
    text, found = report(build(**(QUIET | options)), tmp_path / "report")
    check(text)
    assert any(said in limitation for limitation in found["limitations"]), found["limitations"]
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", re.sub(r"<style.*?</style>", "", text))


def test_a_study_without_factors_items_or_scales(build, tmp_path):
    study = bundles.design(bundles.Study())
    study |= {"factors": {}, "scales": {}, "blocks": [], "hypotheses": [], "exclusions": []}
    text, found = report(build(new_design=study), tmp_path / "report")
    check(text)
    assert found["main"]["ratings"] == []


def test_a_study_without_factors(build, tmp_path):
    study = bundles.design(bundles.Study(hypotheses=[])) | {"factors": {}}
    text, found = report(build(new_design=study), tmp_path / "report")
    check(text)
    assert [c["n_answers"] for c in found["main"]["ratings"][0]["conditions"]] == [288]


def test_a_study_between_participants(build, tmp_path):
    satisfied = bundles.H1 | {"id": "H2", "outcome": "satisfaction", "confirmatory": True}
    overall = {"id": "H3", "outcome": "trust", "formula": "rating ~ explanation"}
    hypotheses = [bundles.H1, satisfied, overall]
    bundle = build(people=30, vary="between", hypotheses=hypotheses)
    text, found = report(bundle, tmp_path / "report")
    check(text)
    first, second, third = found["main"]["hypotheses"]
    assert first["model"]["label"].endswith("(1 | participant)")
    assert "explanation[T.shap] is the same throughout every participant" in first["reasons"][0]
    assert [e["test"] for e in first["sensitivity"]][:3] == [
        "Welch's t test",
        "standardised difference of means",
        "Mann-Whitney test",
    ]
    # Asked once of each participant, so there is nothing for a mixed model.
    assert second["estimate"]["test"] == "Welch's t test"
    assert [e["test"] for e in third["sensitivity"]] == ["Welch's ANOVA", "Kruskal-Wallis test"]
    assert third["p_holm"] is None
    small, large = sorted([first["p"], second["p"]])
    assert min(first["p_holm"], second["p_holm"]) == pytest.approx(min(1, 2 * small))
    assert max(first["p_holm"], second["p_holm"]) == pytest.approx(max(large, min(1, 2 * small)))


def test_the_command_says_what_is_wrong_and_leaves_other_files_alone(build, tmp_path, capsys):
    bundle, out = build(), tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert main(["report", str(bundle), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "figures",
        "notes.txt",
        "report.html",
        "results.json",
    ]
    capsys.readouterr()
    assert main(["report", str(tmp_path / "nothing"), "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: no bundle at ")
    assert main(["report", str(bundle), "--out", str(out / "notes.txt")]) == 2
    assert "is a file; give a folder" in capsys.readouterr().err
    assert main(["report", str(bundle), "--out", str(out / "notes.txt" / "deeper")]) == 2
    assert capsys.readouterr().err.startswith("error: cannot write ")


def test_each_figure_is_a_file_with_its_numbers_beside(usual, told):
    found, folder = told, usual / "figures"
    drawn = {path.stem for path in folder.glob("*.svg")}
    assert drawn == {path.stem for path in folder.glob("*.csv")}
    kinds = ("participant-flow", "likert-trust", "raincloud-trust", "means-trust", "right-wrong")
    assert all(any(name.startswith(kind) for name in drawn) for kind in kinds)
    assert {"forest", "marginal-means-H1", "correlations"} <= drawn
    for path in folder.glob("*.svg"):
        text = path.read_text()
        check(text)
        assert "<image" not in text
        assert "<script" not in text
    points = found["main"]["hypotheses"][0]["points"]
    forest = list(csv.DictReader((folder / "forest.csv").read_text().splitlines()))
    assert [(row["hypothesis"], float(row["difference"])) for row in forest] == [
        ("H1", points["value"])
    ]
    flow = list(csv.DictReader((folder / "participant-flow.csv").read_text().splitlines()))
    assert [row["people"] for row in flow if not row["left_out"]] == ["29", "27", "25", "24"]
    text = (folder / "raincloud-trust-explanation.csv").read_text()
    clouds = list(csv.DictReader(text.splitlines()))
    means = found["main"]["ratings"][0]["conditions"]
    for condition in means:
        own = [
            float(r["participant_mean"]) for r in clouds if r["explanation"] == condition["level"]
        ]
        assert sum(own) / len(own) == pytest.approx(condition["raw_mean"])


def test_reliability_is_alpha_omega_and_each_item(told):
    (scale,) = told["main"]["scales"]
    assert scale["alpha"]["low"] < scale["alpha"]["value"] < scale["alpha"]["high"]
    assert scale["omega"]["value"] == pytest.approx(scale["alpha"]["value"], abs=0.05)
    assert [item["item"] for item in scale["item_statistics"]] == bundles.ES
    assert all(item["alpha_without"] < 1 for item in scale["item_statistics"])


def test_the_methods_say_what_was_done_and_nothing_else(build, told):
    said = " ".join(told["methods"])
    assert "cumulative link mixed models" in said
    assert "linear mixed models, fitted by restricted" not in said
    assert "Shares of decisions" not in said
    assert "cumulative link" not in " ".join(
        results(load(build(people=4, hypotheses=[])))["methods"]
    )


def test_a_pdf_without_its_printer_is_refused_in_words(build, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    command = ["report", str(build(people=4)), "--out", str(tmp_path / "out"), "--pdf"]
    assert main(command) == 2
    assert capsys.readouterr().err.startswith("error: --pdf needs WeasyPrint")
    assert not (tmp_path / "out").exists()

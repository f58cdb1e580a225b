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


def test_a_report_is_one_file_that_loads_nothing_and_runs_nothing(build, tmp_path):
    text, _ = report(build(), tmp_path / "report")
    page = check(text)
    assert page.loads == []
    assert "script" not in page.tags
    assert "url(http" not in text
    assert {"caption", "svg", "figcaption"} <= page.tags
    assert len(page.ids) == len(set(page.ids))


def test_what_participants_typed_is_text(build, tmp_path):
    text, found = report(build(), tmp_path / "report")
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


def test_the_page_is_written_from_the_results_alone(build):
    found = json.loads(json.dumps(results(load(build()))))
    first = page(found, draw(found))
    hypothesis = found["main"]["hypotheses"][0]
    hypothesis["points"]["value"] = 2.5
    assert "2.50 points higher" not in first
    assert "2.50 points higher" in page(found, draw(found))


def test_flow_and_numbers(build):
    found = results(load(build()))
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

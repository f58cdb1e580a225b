import json

import pytest
from power_designs import DESIGN

from analysis.__main__ import main
from analysis.power import run as running
from analysis.power.run import Job, Setting, simulate
from analysis.power.study import study_of
from analysis.power.truth import Spread, assumed

QUICK = ["--people", "8,10", "--replicates", "3", "--cores", "1"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "design.json"
    path.write_text(json.dumps(DESIGN))
    return path


def power(file, *more, effect="explanation=shap:1.5"):
    out = file.parent / "out"
    return main(["power", str(file), "--effect", effect, "--out", str(out), *QUICK, *more])


def setting(looks=(1.0,)):
    study = study_of(DESIGN)
    truth = assumed(study, "trust", {("explanation", "shap"): 1.5}, Spread())
    model = study.model(study.hypothesis(None))
    return Setting(study, study.asking("trust"), truth, model, looks, seed=1)


def test_the_command_writes_the_curve_and_says_it(file, capsys):
    assert power(file) == 0
    found = json.loads((file.parent / "out" / "power.json").read_text())
    assert [p["x"] for p in found["points"]] == [8, 10]
    assert all(p["replicates"] == 3 for p in found["points"])
    text = capsys.readouterr().out
    assert "Power of demo, hypothesis H1: shap against none" in text
    assert "planned effects, in logits: explanation=shap +1.5" in text


def test_the_same_command_goes_on_where_it_stopped(file, monkeypatch, capsys):
    assert power(file) == 0
    (kept,) = (file.parent / "out").glob("*.jsonl")
    whole, first = kept.read_text(), capsys.readouterr().out
    lines = whole.splitlines(keepends=True)
    kept.write_text("".join(lines[:4]) + lines[4][:20])
    done = []

    def counted(setting, job):
        done.append(job)
        return simulate(setting, job)

    monkeypatch.setattr(running, "simulate", counted)
    assert power(file) == 0
    assert [(job.people, job.replicate) for job in done] == [(10, 1), (10, 2)]
    assert kept.read_text() == whole
    assert capsys.readouterr().out == first
    # More replicates add to those that are there; another effect is another file.
    assert power(file, "--replicates", "4") == 0
    assert len(done) == 4
    assert power(file, effect="explanation=shap:1.0") == 0
    assert len(done) == 10


def test_processes_give_the_results_of_one(tmp_path):
    jobs = [Job(6, 1.0, number) for number in range(6)]
    here = running.run(setting(), jobs, tmp_path / "one.jsonl", 1, lambda *_: None)
    apart = running.run(setting(), jobs, tmp_path / "two.jsonl", 2, lambda *_: None)
    assert here == apart
    assert here == [simulate(setting(), job) for job in jobs]


def test_the_last_look_is_the_study_without_looks():
    job = Job(12, 1.0, 0)
    once, twice = simulate(setting(), job), simulate(setting((0.5, 1.0)), job)
    assert len(twice.p) == 2
    assert once.p[-1] == twice.p[-1]
    assert once.estimate == twice.estimate


def test_the_smallest_effect_and_looks_are_told(file, capsys):
    assert power(file, "--people", "9", "--smallest", "--replicates", "1", "--looks", "2") == 0
    found = json.loads((file.parent / "out" / "power.json").read_text())
    assert [p["x"] for p in found["points"]] == [0.25, 0.5, 0.75, 1.0, 1.25, 1.5]
    assert found["boundaries"] == pytest.approx([2.9626, 1.9686], abs=5e-5)
    text = capsys.readouterr().out
    assert "9 participants" in text
    assert "2 looks, obrien-fleming spending" in text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--alpha", "2"], "--alpha and --target lie between 0 and 1"),
        (["--replicates", "0"], "at least 1"),
        (["--looks", "50"], "--looks is at most 20"),
        (["--slope-sd", "-1"], "standard deviations"),
        (["--pilot"], "--pilot takes a bundle"),
        (["--effect", "explanation=shap:1"], "has an effect already"),
        (["--hypothesis", "H2"], "no hypothesis 'H2'"),
    ],
)
def test_a_wrong_option_is_one_line(file, capsys, more, said):
    assert power(file, *more) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error


def test_a_file_of_results_that_is_damaged_is_named(file, capsys):
    assert power(file) == 0
    (kept,) = (file.parent / "out").glob("*.jsonl")
    kept.write_text("{}\n")
    assert power(file) == 2
    assert f"{kept} line 1 is not a result" in capsys.readouterr().err

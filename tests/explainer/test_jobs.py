"""What identifies a job, and what a plan cannot ask for: told before any work."""

import itertools
from pathlib import Path

import pytest

import explainer
from explainer.artifact import Store
from explainer.methods import Of
from explainer.methods.catalogue import METHODS
from explainer.methods.counting import count_players
from explainer.models import checkpoint
from explainer.precompute import PrecomputeError, run
from explainer.shapley.owen import coalitions_of
from explainer.shapley.trees import image_tree, line_tree
from explainer.subjects.load import load
from tests.explainer.test_work import LEFT_OUT

ASSETS = Path(explainer.__file__).parent / "assets"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def patches(size, **more):
    return {"players": "patches", "size": size, **more}


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        ("exact", {}, "exact values of 36 players .*`most_players`, up to 20.*`players`, `size`"),
        ("exact", patches(2, most_players=8), "exact values of 9 players"),
        (
            "owen",
            {"most_evaluations": 900},
            "Owen values of 36 players take 1,068 .*`players`, `size`",
        ),
    ],
)
def test_too_many_players_are_refused_before_any_work(tiny, store, method, parameters, message):
    recipe = {"method": method, "parameters": parameters}
    with pytest.raises(PrecomputeError, match=rf"^explanations\.e\.parameters: .*{message}"):
        run(tiny.plan(first=LEFT_OUT, e=recipe), store)
    assert not store.root.exists()


@pytest.mark.parametrize("most", [12, 1000, 6668, 200_000])
def test_no_tree_of_more_players_than_owen_says_fits(most):
    """Said without a tree, so it may only be said where every tree takes more evaluations."""
    players = METHODS["owen"].most({"most_evaluations": most})
    for above in (players + 1, players + 2, players + 9):
        assert coalitions_of(line_tree(above)) > most
    side = 1
    while side * side <= players:
        side += 1
    assert coalitions_of(image_tree(side, side)) > most


def test_players_are_counted_without_torch_as_subjects_group_them():
    for name, kinds in (
        ("mnist-cnn", "image"),
        ("cifar-s4", "image"),
        ("sp500-spacetime", "series"),
    ):
        folder = ASSETS / "checkpoints" / name
        subject = load(folder, device="cpu")
        assert subject.kind == kinds
        card = checkpoint.load(folder)[1]
        for group, size in itertools.product(("default", *subject.groups), (1, 2, 5, 13)):
            stimulus = None  # images and series have the same players each
            found = count_players(card, {"players": group, "size": size})
            assert found == len(subject.players(stimulus, group, size)), (name, group, size)
        assert count_players(card, {"players": "words", "size": 1}) is None
        assert count_players(card, {"window": 3}) is None
    text = checkpoint.load(ASSETS / "checkpoints" / "reviews-s4")[1]
    assert count_players(text, {"players": "default", "size": 1}) is None


def test_a_study_s_own_words_are_another_job_than_the_default_ones(tiny, store):
    own = {"en": "A computer made this.", "de": "Das hat ein Computer gemacht."}
    placebic = {"method": "placebic", "of": "e", "seed": 1}
    plan = tiny.plan(e=LEFT_OUT, ours=placebic, theirs={**placebic, "words": own})
    result = run(plan, store)
    for of in result.stimuli["shapes"]:
        ours, theirs = (
            store.read_explanation(result.explanations[name][of]).job for name in ("ours", "theirs")
        )
        assert ours.key != theirs.key
        assert theirs.parameters == {"of": result.explanations["e"][of], "words": own}
        assert ours.parameters["words"]["en"].startswith("The model looked at the picture")
    assert run(plan, store).computed == 0


def test_another_background_is_another_job(tiny, store):
    """What masks draw from changes what they give, so nothing old stands for it."""
    plan = tiny.plan(e={"method": "leave_one_out", "parameters": {"mask": "background"}})
    shapes = plan["stimuli"]["shapes"]
    shapes["background"] = shapes["data"]
    first = run(plan, store)
    job = store.read_explanation(next(iter(first.explanations["e"].values()))).job
    assert job.parameters["background"] == tiny.data_digest


def test_every_control_says_what_it_is_made_of():
    made_of = {method.name: method.of for method in METHODS.values() if method.control}
    assert set(made_of.values()) == set(Of)
    assert [name for name, method in METHODS.items() if method.control and method.asks] == [
        name for name, of in made_of.items() if of is Of.SUBJECT
    ]
    assert [method.name for method in METHODS.values() if method.words] == ["placebic"]

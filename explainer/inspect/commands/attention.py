"""Tests of a model's attention, beside models trained without it or from other seeds."""

from pathlib import Path
from typing import Any

from explainer.inspect.attended import Attentive, between, imposed
from explainer.inspect.attention_tests import AttentionTests, attention_tests
from explainer.inspect.report import Report, number
from explainer.inspect.sources import Source, find, subject, texts
from explainer.methods import MethodError
from explainer.models import checkpoint as checkpoints
from explainer.models.text import TOKENISER, TextClassifier
from explainer.subjects import Subject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.text import TextSubject


def run(
    *,
    checkpoint: str,
    data: Path | None,
    beside: list[str],
    imposed_on: str | None,
    permutations: int,
    seed: int,
    device: str,
) -> Report:
    """Move attention and see what predictions do. Raises MethodError for models without any."""
    found = subject(checkpoint, device)
    given = texts(found, data)
    model = _attentive(found)
    result = attention_tests(model, given.contents, permutations=permutations, seed=seed)
    values: dict[str, Any] = {
        "checkpoint": found.digest,
        "data": given.to_json(),
        "seed": seed,
        "tests": result.to_json(),
    }
    report = Report(f"The attention of {checkpoint}, {given}, seed {seed}", values)
    _tell(report, result)
    if beside:
        values["beside"] = _beside(report, model, beside, given, device)
    if imposed_on:
        values["imposed"] = _imposed(report, model, imposed_on, given)
    seeds = checkpoints.load(find(checkpoint))[1]["metrics"].get("controls", {}).get("seeds")
    if seeds is not None:
        values["seeds_in_card"] = seeds
        _seeds(report, seeds)
    return report


def _attentive(found: Subject) -> Attentive:
    if isinstance(found, TextSubject):
        return found.model
    if isinstance(found, PromptSubject):
        return found
    raise MethodError(f"these tests need a model that reads texts, not one of kind {found.kind}")


def _tell(report: Report, result: AttentionTests) -> None:
    report.table(
        "Medians over texts with 95 % bootstrap intervals. Total variation (TV) is at most 1, "
        "Jensen-Shannon divergence (JS) at most .693 nats. Attention that explains moves the "
        "prediction when it is replaced, and cannot be changed much while the prediction stays. "
        "What adversarial attention finds is a lower bound: gradient ascent may miss more.",
        [
            ("attention becomes", "what is measured", "median", "n"),
            ("uniform", "TV of the prediction", str(result.uniform), str(result.uniform.n)),
            (
                f"permuted ({result.permutations} times)",
                "TV of the prediction",
                str(result.permuted),
                str(result.permuted.n),
            ),
            (
                "adversarial",
                f"JS of attention, prediction within {result.epsilon:g} of TV",
                str(result.adversarial),
                str(result.adversarial.n),
            ),
            (
                "",
                "share of the most that attention can differ",
                str(result.reachable),
                str(result.reachable.n),
            ),
            (
                "nearly the same",
                f"TV of the prediction, attention within {result.near:g} nats",
                str(result.reverse),
                str(result.reverse.n),
            ),
            (
                "",
                "share of texts of which it then says something else (mean)",
                str(result.flips),
                str(result.flips.n),
            ),
        ],
    )


def _beside(
    report: Report, model: Attentive, names: list[str], given: Source, device: str
) -> dict[str, Any]:
    """Compare with other checkpoints of the same run."""
    found = {
        name: between(model, _attentive(subject(name, device)), given.contents) for name in names
    }
    report.table(
        "Beside other models of the same run, medians over the same texts: where a model with "
        "uniform attention, or of another seed, predicts the same, this attention was not needed.",
        [
            ("model", "JS of attention", "TV of the prediction"),
            *((name, str(each.attention), str(each.prediction)) for name, each in found.items()),
        ],
    )
    return {name: each.to_json() for name, each in found.items()}


def _imposed(report: Report, guide: Attentive, name: str, given: Source) -> dict[str, Any]:
    """Impose the attention on a model that sees each word alone."""
    path = find(name)
    network, card = checkpoints.load(path)
    if not isinstance(guide, TextClassifier) or TOKENISER not in card["files"]:
        raise MethodError("attention is imposed by one classifier of texts on another")
    if None in given.truths:
        raise MethodError(f"{given.path.name}: some truths are unknown; give data with all of them")
    other = TextClassifier.of(network, card, checkpoints.companion(path, card, TOKENISER)).eval()
    device = next(guide.parameters()).device
    found = imposed(other.to(device), guide, given.contents, given.truths)
    report.table(
        f"The share right of {name}, which sees each word alone, under attention that is given: "
        "where this model's attention tells which words matter, it is right more often under it "
        "than under uniform or permuted attention.",
        [
            ("attention", "right", "n"),
            *((each, str(value), str(value.n)) for each, value in vars(found).items()),
        ],
    )
    return found.to_json()


def _seeds(report: Report, seeds: dict[str, Any]) -> None:
    apart = seeds["between_two_of_them"]
    report.table(
        "How far models of several seeds are apart, from the card: pairs of models x test texts. "
        "Test accuracies: " + ", ".join(number(each) for each in seeds["test_accuracies"]) + ".",
        [
            ("", "mean", "median", "90 %", "n"),
            *(
                (
                    said,
                    *(f"{apart[key][each]:.3g}" for each in ("value", "median", "quantile_90")),
                    str(apart[key]["n"]),
                )
                for said, key in (
                    ("JS of attention", "attention_jensen_shannon_nats"),
                    ("TV of the prediction", "prediction_total_variation"),
                )
            ),
        ],
    )

"""What each layer of a checkpoint is worth on some data."""

from collections import Counter
from pathlib import Path

import numpy as np

from explainer.inspect.layers import Ablation, Judge, ablation, classifier_judge, language_judge
from explainer.inspect.report import Report, change_of, number
from explainer.inspect.sources import Source, passages, source, subject
from explainer.methods import MethodError
from explainer.models import image, text
from explainer.subjects import Subject
from explainer.subjects.image import ImageSubject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.text import TextSubject


def run(*, checkpoint: str, data: Path | None, device: str) -> Report:
    """Skip each layer in turn. Raises MethodError where none can be skipped."""
    found = subject(checkpoint, device)
    given = source(found, data)
    judge, counts, of = _judge(found, given)
    result = ablation(found.network, judge, of)
    report = Report(
        f"{checkpoint} without each of its layers, {given}",
        {
            "checkpoint": found.digest,
            "data": given.to_json(),
            **result.to_json(),
            "baseline": _frequencies(counts),
        },
    )
    _tell(report, result, counts, of)
    if given.note:
        report.note(f"Of these data: {given.note}.")
    return report


def _judge(found: Subject, given: Source) -> tuple[Judge, Counter[int], str]:
    """Who judges, how often each answer is true, and of what the stimuli are."""
    if isinstance(found, PromptSubject):
        rows = passages(found, given)
        truths = Counter(token for row in rows for token in row[1:])
        return language_judge(found.model, rows), truths, "texts"
    if not isinstance(found, ImageSubject | TextSubject):
        raise MethodError(
            f"a checkpoint of kind {found.kind} has no right answers to lose; name one that sorts "
            "images or texts, or a language model"
        )
    if None in given.truths:
        raise MethodError(f"{given.path.name}: some truths are unknown; give data with all of them")
    truth = np.array([found.labels.index(each) for each in given.truths])
    counts = Counter(truth.tolist())
    if isinstance(found, ImageSubject):
        model = found.model
        return (
            classifier_judge(lambda: image.predict(model, given.contents), truth),
            counts,
            "images",
        )
    reader = found.model
    return classifier_judge(lambda: text.predict(reader, given.contents), truth), counts, "texts"


def _frequencies(counts: Counter[int]) -> dict[str, float]:
    """The loss in nats, and the share right, of saying how often each answer is true here."""
    shares = np.array(list(counts.values())) / counts.total()
    return {"loss": round(float(-(shares * np.log(shares)).sum()), 4), "right": float(shares.max())}


def _tell(report: Report, result: Ablation, counts: Counter[int], of: str) -> None:
    naive = _frequencies(counts)
    report.table(
        f"Mean cross-entropy in nats and the share right, with 95 % bootstrap intervals over {of}. "
        "The baseline says how often each answer is true in these very data, so no baseline that "
        "knows less could be better.",
        [
            ("", "loss", "right"),
            ("whole", str(result.loss), str(result.right)),
            ("baseline: frequencies", number(naive["loss"]), number(naive["right"])),
        ],
    )
    report.table(
        "Changes without a layer, of the same stimuli. p of the loss is by signed ranks, adjusted "
        "by Holm for the number of layers; p of the share by McNemar, or signed ranks for texts of "
        "many answers, not adjusted.",
        [
            ("skipped", "change of loss", "p (Holm)", "change of right", "p"),
            *(
                (
                    each.name,
                    *change_of(each.loss, each.p_holm),
                    *change_of(each.right, each.right.p),
                )
                for each in result.layers
            ),
        ],
    )

"""Hidden channels over many texts or series, ranked by how well one simple rule predicts them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from explainer.artifact import Stimulus
from explainer.inspect.report import Report, number
from explainer.inspect.rules import step_rules, token_rules
from explainer.inspect.sources import Source, source, subject
from explainer.inspect.states import Channel, Rules, Span, by_chance, rank_channels, shown
from explainer.methods import MethodError
from explainer.methods.states import activations
from explainer.subjects import Subject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.series import SeriesSubject
from explainer.subjects.text import TextSubject
from explainer.subjects.tokens import encoded

Spans = list[list[tuple[int, int]]]


def run(
    *, checkpoint: str, data: Path | None, block: int, top: int, seed: int, device: str
) -> Report:
    """Rank the channels of a block. Raises MethodError for no such block, and below two texts."""
    found = subject(checkpoint, device)
    given = source(found, data)
    rules, spans = _rules(found, given)
    stimuli = _stimuli(found, given)
    fired = np.concatenate([activations(found, each, block) for each in stimuli])
    ranked, lucky = rank_channels(fired, rules, seed), by_chance(fired, rules, seed)
    report = Report(
        f"{len(ranked)} channels of {checkpoint}, block {block}, over {given} ({len(fired):,} "
        f"places), seed {seed}",
        {
            "checkpoint": found.digest,
            "data": given.to_json(),
            "block": block,
            "seed": seed,
            "rules": list(rules[0]),
            "channels": [each.to_json() for each in ranked],
            "by_chance": [lucky[0].to_json(), lucky[len(lucky) // 2].to_json()],
        },
    )
    _tell(report, ranked[:top], ranked, lucky)
    if isinstance(found, SeriesSubject):
        report.note(
            "Windows that share days can stand on both sides of the split, and are not "
            "independent, so that the intervals are too narrow."
        )
    for each in ranked[:top]:
        report.lines(_browsed(each, given, spans))
    return report


def _stimuli(found: Subject, given: Source) -> list[Stimulus]:
    """Stimuli; a language model is not asked to go on, which would take most of the time."""
    if not isinstance(found, PromptSubject):
        return found.stimuli(given.contents, given.truths, given.sources)
    return [
        Stimulus(
            kind=found.artifact_kind,
            content=np.frombuffer(text.encode(), np.uint8),
            truth=None,
            labels=(),
            log_probabilities=np.zeros(0, np.float32),
            checkpoint_digest=found.digest,
            source={},
        )
        for text in given.contents
    ]


def _rules(found: Subject, given: Source) -> tuple[Rules, Spans]:
    """Rules of tokens or of steps; spans are characters of each text, none for series."""
    if isinstance(found, PromptSubject | TextSubject):
        spans = [encoded(found.tokeniser, text)[1] for text in given.contents]
        return token_rules(given.contents, spans), spans
    if isinstance(found, SeriesSubject):
        return step_rules(np.stack(given.contents).astype(np.float64)), []
    raise MethodError(f"channels are ranked along texts or series, not along a {found.kind}")


def _tell(
    report: Report, best: Sequence[Channel], ranked: Sequence[Channel], lucky: Sequence[Channel]
) -> None:
    middle = ranked[len(ranked) // 2]
    report.table(
        "R2 is the share of a channel's variance that its rule explains on the half of the texts "
        "or series on which it was not chosen, with a 95 % bootstrap interval over them; AUC is "
        "for rules that hold or not. Chance: the best and the middle channel when rules are dealt "
        "to places at random.",
        [
            ("channel", "rule", "R2", "AUC", "slope"),
            *(
                (str(each.channel), each.rule, str(each.r2), number(each.auc), number(each.slope))
                for each in best
            ),
            ("middle", middle.rule, str(middle.r2), number(middle.auc), number(middle.slope)),
            ("chance, best", "", str(lucky[0].r2), "", ""),
            ("chance, middle", "", str(lucky[len(lucky) // 2].r2), "", ""),
        ],
    )


def _browsed(channel: Channel, given: Source, spans: Spans) -> list[str]:
    """Where a channel is furthest from its mean, what fires between brackets."""
    return [
        f"channel {channel.channel} ({channel.rule})",
        *(f"  {each.activation:8.3g}  {_place(each, given, spans)}" for each in channel.strongest),
    ]


def _place(span: Span, given: Source, spans: Spans) -> str:
    if spans:
        return shown(span, given.contents[span.input], spans[span.input])
    steps = len(given.contents[span.input])
    values = given.contents[span.input][span.start : span.end]
    ends = given.sources[span.input].get("ends", "")
    where = f"window ending {ends}" if ends else f"window {span.input}"
    return (
        f"{where}: {steps - span.start} to {steps - span.end + 1} steps before what comes, "
        f"{values[0]:.6g} to {values[-1]:.6g}"
    )

"""Anchors: the fewest words that hold a prediction, whatever the other words are.

A rule is a set of words. A draw under a rule keeps its words, and masks each other word with
probability 1/2 as the subject's mask does, by one of its backgrounds where it has several. The
rule's precision is the share of draws with the prediction of the whole text. Rules grow a word at a
time, a few of the best by KL-LUCB at a time, until one of them is precise enough with confidence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explainer.artifact import Stimulus
from explainer.methods import Attribution, Float64, MethodError
from explainer.methods.bounds import exploration, lower, upper
from explainer.shapley.estimate import without_idle
from explainer.shapley.game import Ask, Game, Inputs, Play
from explainer.subjects import Mask, Subject
from explainer.subjects.tokens import WORD

BEAM = 4  # rules that grow at a time
FIRST, MORE = 16, 32  # draws of a new rule, and of one that must be known better
TOLERANCE = 0.15  # by how much a rule that is let go may be better than one that is kept
DELTA = 0.05  # how often the search may be wrong
SHARE = 0.25  # of what is left, that a choice may spend, so that near ties do not end the search
FRESH = 400  # draws by which the rule that was found, and what it grew from, are measured

Rule = tuple[int, ...]


@dataclass
class Search:
    """Rules and their draws so far.

    game: as `prediction_game` makes it, of so many words, and backgrounds. left: evaluations that
    may still be spent.
    """

    game: Game
    words: int
    random: np.random.Generator
    left: int
    draws: dict[frozenset[int], int] = field(default_factory=dict)
    held: dict[frozenset[int], float] = field(default_factory=dict)

    def means(self, rules: Sequence[Rule]) -> Float64:
        """The precision of each."""
        keys = [frozenset(rule) for rule in rules]
        return np.array([self.held[key] / self.draws[key] for key in keys])

    def counts(self, rules: Sequence[Rule]) -> NDArray[np.int64]:
        """The draws of each."""
        return np.array([self.draws[frozenset(rule)] for rule in rules])


def anchors(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Play[Attribution]:
    """Find a rule whose precision is above `threshold`, and give its words what each added to it.

    The search spends at most `evaluations`; what it finds is measured on draws of its own, so its
    precision is not the luck of the search. The mask is by default the background's, where the
    subject has one.

    details: `coverage` is the share of the background's texts in which the rule's words occur, as
    many times each, in any order; without a background, of draws under no rule that keep them,
    which says only how many words they are: 2^-words. `coverage_of` says which.

    Raises MethodError for an output that is not the prediction.
    Source: Ribeiro et al. 2018, AAAI 32(1), algorithms 1 and 2; Kaufmann & Kalyanakrishnan 2013.
    """
    label = stimulus.labels.index(stimulus.predicted)
    if list(outputs) != [label]:
        raise MethodError("anchors hold a prediction: explain the output predicted, no other")
    players = subject.players(stimulus, parameters["players"])
    mask = _mask(subject, stimulus, parameters["mask"], seed)
    whole = subject.game(stimulus, range(len(stimulus.labels)), players, mask)
    shown = without_idle(whole)
    game = prediction_game(shown, label)
    search = Search(
        game, shown.players, np.random.default_rng([seed, 13]), parameters["evaluations"]
    )
    rule, found = yield from grow(search, parameters["threshold"])
    worth, errors = yield from _measured(search, rule)
    place = (~whole.idle).nonzero().squeeze(-1).numpy()
    values, spread = np.zeros((whole.players, 1)), np.zeros((whole.players, 1))
    for k, word in enumerate(rule):
        values[place[word]] = worth[k + 1] - worth[k]
        spread[place[word]] = np.hypot(errors[k], errors[k + 1])
    spans = [players.spans[place[word]] for word in rule]
    draws, level = np.array([FRESH]), np.log(2 / DELTA)
    last = worth[-1:]
    interval = (lower(last, draws, level)[0], upper(last, draws, level)[0])
    return Attribution(
        players.spans,
        values,
        worth[:1],
        np.ones(1),
        f"share of draws with the same prediction; each word masked half of the time; {mask.name}",
        game.evaluations,
        spread,
        complete=False,
        details={
            "players": [int(place[word]) for word in rule],
            "words": _words(stimulus, spans),
            "precision": round(float(worth[-1]), 6),
            "precision_interval": [round(float(end), 6) for end in interval],
            "confidence": 1 - DELTA,
            **coverage(stimulus.text, spans, getattr(subject, "background", None)),
            "found": found,
            "asked_precision": parameters["threshold"],
        },
    )


def coverage(
    text: str, spans: Sequence[tuple[int, ...]], background: Sequence[str] | None
) -> dict[str, Any]:
    """On how much else a rule of a text bears, and of what that is a share.

    spans: of the rule; it needs every word that one of them reaches into.
    """
    if not background:
        return {"coverage": 0.5 ** len(spans), "coverage_of": "draws of masked words"}
    needed = Counter(
        word.group()
        for word in WORD.finditer(text)
        if any(start < word.end() and word.start() < end for start, end in spans)
    )
    there = [needed <= Counter(WORD.findall(other)) for other in background]
    share = round(float(np.mean(there)), 6)
    return {"coverage": share, "coverage_of": f"{len(there)} background texts"}


def prediction_game(game: Game, label: int) -> Game:
    """Whether the prediction is `label`, 1 or 0, on one background of the mask.

    game: its outputs are all labels. The players of what comes are its players, and its repeats, of
    which one alone plays: the background that is seen.
    """

    def inputs(coalitions: Tensor) -> Inputs:
        shown, background = coalitions[:, : game.players], coalitions[:, game.players :]
        rows = torch.arange(len(shown), device=shown.device) * game.repeats
        rows += background.int().argmax(1)
        return tuple(part[rows] for part in game.inputs(shown))

    def read(scores: Tensor) -> Tensor:
        return (game.read(scores).argmax(-1, keepdim=True) == label).double()

    return Game(game.players + game.repeats, inputs, game.scorer, read, device=game.device)


def grow(search: Search, precision: float) -> Play[tuple[Rule, bool]]:
    """Return the best rule of the first size at which one is precise enough, and whether one is.

    Where evaluations run out first, the most precise rule so far.
    """
    words = range(search.words)
    beam: list[Rule] = [()]
    yield from _draw(search, beam, FIRST)
    best: Rule = ()
    while True:
        sure = yield from _precise(search, beam, precision)
        if sure:
            return sure[int(search.means(sure).argmax())], True
        best = max([best, *beam], key=lambda rule: float(search.means([rule])[0]))
        longer = {
            frozenset((*rule, word)): (*rule, word)
            for rule in beam
            for word in words
            if word not in rule
        }
        rules = list(longer.values())
        if not rules or not (yield from _draw(search, rules, FIRST)):
            return best, False
        beam = yield from _best(search, rules)


def _best(search: Search, rules: list[Rule]) -> Play[list[Rule]]:
    """The BEAM best rules, by KL-LUCB sure but for TOLERANCE unless SHARE is spent before."""
    if len(rules) <= BEAM:
        return rules
    keep, step = (1 - SHARE) * search.left, 0
    while True:
        step += 1
        means, counts = search.means(rules), search.counts(rules)
        order = np.argsort(-means, kind="stable")
        inside, outside = order[:BEAM], order[BEAM:]
        level = exploration(len(rules), step, DELTA)
        low = lower(means[inside], counts[inside], level)
        high = upper(means[outside], counts[outside], level)
        weak, strong = inside[low.argmin()], outside[high.argmax()]
        if high.max() - low.min() <= TOLERANCE or not (
            yield from _draw(search, [rules[weak], rules[strong]], MORE, keep)
        ):
            return [rules[k] for k in inside]


def _precise(search: Search, rules: list[Rule], precision: float) -> Play[list[Rule]]:
    """Which rules are precise enough, each drawn until it is known unless SHARE is spent before."""
    keep = (1 - SHARE) * search.left
    level = np.log(len(rules) / DELTA)
    open_ = list(rules)
    found = []
    while open_:
        means, counts = search.means(open_), search.counts(open_)
        low, high = lower(means, counts, level), upper(means, counts, level)
        found += [rule for rule, each in zip(open_, low, strict=True) if each >= precision]
        unsure = (low < precision) & (high >= precision)
        # A rule that masks nothing has nothing to be unsure of.
        open_ = [rule for rule, each in zip(open_, unsure, strict=True) if each]
        certain = [rule for rule in open_ if len(rule) == search.words]
        found += certain
        open_ = [rule for rule in open_ if rule not in certain]
        if open_ and not (yield from _draw(search, open_, MORE, keep)):
            break
    return found


def _draw(search: Search, rules: Sequence[Rule], count: int, keep: float = 0) -> Play[bool]:
    """Draw so many times under each rule; nothing, and False, where less than `keep` would stay."""
    cost = count * len(rules)
    if search.left - cost < keep:
        return False
    search.left -= cost
    held = (yield Ask(search.game, _under(search, rules, count))).view(len(rules), count).sum(1)
    for rule, each in zip(rules, held.tolist(), strict=True):
        key = frozenset(rule)
        search.draws[key] = search.draws.get(key, 0) + count
        search.held[key] = search.held.get(key, 0.0) + each
    return True


def _measured(search: Search, rule: Rule) -> Play[tuple[Float64, Float64]]:
    """Precision and its standard error of a rule's beginnings, () first, on fresh draws."""
    beginnings = [rule[:length] for length in range(len(rule) + 1)]
    drawn = yield Ask(search.game, _under(search, beginnings, FRESH))
    worth = drawn.view(len(beginnings), FRESH)
    return worth.mean(1).numpy(), (worth.std(1) / FRESH**0.5).numpy()


def _under(search: Search, rules: Sequence[Rule], count: int) -> Tensor:
    """Coalitions (rules * count, players): half of the words, the rule's, and one background."""
    random, backgrounds = search.random, search.game.players - search.words
    shown = random.random((len(rules), count, search.words)) < 0.5
    for each, rule in zip(shown, rules, strict=True):
        each[:, list(rule)] = True
    seen = np.eye(backgrounds, dtype=bool)[random.integers(0, backgrounds, (len(rules), count))]
    return torch.from_numpy(np.concatenate([shown, seen], -1)).flatten(0, 1)


def _mask(subject: Subject, stimulus: Stimulus, mask: str | float, seed: int) -> Mask:
    if mask == "default":
        try:
            return subject.mask(stimulus, "background", seed)
        except MethodError:
            return subject.mask(stimulus, "default", seed)
    return subject.mask(stimulus, mask, seed)


def _words(stimulus: Stimulus, spans: Sequence[tuple[int, ...]]) -> list[str]:
    text = stimulus.text
    return [text[start:end].strip() for start, end in spans]

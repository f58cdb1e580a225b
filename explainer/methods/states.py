"""The hidden channels of a model along one text or series, for browsing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.artifact import Stimulus
from explainer.inspect.activations import encoded_series, record
from explainer.methods import Attribution, MethodError
from explainer.models.spacetime import SpaceTime
from explainer.subjects import Subject
from explainer.subjects.prompt import PromptSubject
from explainer.subjects.series import SeriesSubject
from explainer.subjects.text import TextSubject
from explainer.subjects.tokens import encoded


def activations(subject: Subject, stimulus: Stimulus, block: int) -> NDArray[np.float64]:
    """The output of a block (elements, channels); a series has its encoding instead.

    Raises MethodError for a subject or network without such channels.
    """
    network = subject.network
    if isinstance(subject, TextSubject):
        given = subject.model.tokens([stimulus.text])
        found = record(network, block, lambda: network(*given))[0, :-1]  # without the text's end
    elif isinstance(subject, PromptSubject):
        tokens = encoded(subject.tokeniser, stimulus.text)[0].to(subject.device).unsqueeze(0)
        found = record(network, block, lambda: subject.model.log_probabilities(tokens))[0]
    elif isinstance(subject, SeriesSubject) and isinstance(network, SpaceTime):
        found = encoded_series(network, subject.embed(stimulus).T)[0]
    else:
        raise MethodError(
            f"channels need a text, or a series and SpaceTime, not a {subject.kind} and a "
            f"{type(network).__name__}"
        )
    return found.double().numpy()


def channels(
    subject: Subject,
    stimulus: Stimulus,
    outputs: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
) -> Attribution:
    """How far each player moves the channels that move most along this stimulus.

    values: a channel's mean over a player's elements less its mean over all, which is the base;
    full_values: where the channel ends. The outputs are channels, whichever are asked for.
    """
    block = -1 if parameters["block"] == "last" else int(parameters["block"])
    found = activations(subject, stimulus, block)
    middle = found.mean(0)
    most = np.argsort(-found.std(0), kind="stable")[: int(parameters["channels"])]
    players = subject.players(stimulus, parameters["players"], parameters["size"])
    member = players.member.numpy()
    sums = np.zeros((len(players), len(most)))
    np.add.at(sums, member, (found - middle)[:, most])
    values = sums / np.bincount(member, minlength=len(players))[:, None]
    what = "encoding" if isinstance(subject, SeriesSubject) else f"block {parameters['block']}"
    return Attribution(
        players.spans,
        values,
        middle[most],
        found[-1, most],
        f"activation of a channel, {what}, less its mean along the input",
        1,
        complete=False,
        details={"spread": [float(f"{each:.4g}") for each in found.std(0)[most]]},
        names=tuple(f"channel {channel}" for channel in most),
    )

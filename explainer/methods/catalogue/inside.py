"""What is inside a model: concepts, states, surrogates."""

from explainer.methods import Method

METHODS: tuple[Method, ...] = ()

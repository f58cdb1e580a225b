"""What a model attends to."""

from explainer.methods import Method

METHODS: tuple[Method, ...] = ()

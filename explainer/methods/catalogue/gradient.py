"""Gradients of the output by the input, and what is made of them."""

from explainer.methods import Method

METHODS: tuple[Method, ...] = ()

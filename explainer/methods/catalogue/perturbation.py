"""What changes when parts of the input are hidden."""

from explainer.methods import Method

METHODS: tuple[Method, ...] = ()

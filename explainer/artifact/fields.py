"""Reading the fields of an artifact's JSON."""

from collections.abc import Mapping
from typing import Any, TypeVar

from explainer.encoding import ArtifactError

Value = TypeVar("Value")


def expect_schema(data: Any, schema: str) -> None:
    """Raise ArtifactError unless the object says that it has this schema."""
    found = data.get("schema") if isinstance(data, dict) else None
    if found != schema:
        raise ArtifactError(f"schema is {found!r}, expected {schema!r}")


def field(data: Mapping[str, Any], name: str, kind: type[Value]) -> Value:
    """Return a field. Raises ArtifactError where it is missing or of another type."""
    value = data.get(name)
    if not isinstance(value, kind):
        raise ArtifactError(f"{name} is missing or is not {kind.__name__}")
    return value

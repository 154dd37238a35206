"""The base of everything that a user may set."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen and typed; an unknown name or a value out of range is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

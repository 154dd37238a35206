"""A critic over any recipe of text."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from ganvas.core.errors import UserError
from ganvas.core.loop import Training
from ganvas.core.settings import override
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.data.text import ItemSettings
from ganvas.models import residual
from ganvas.recipes.base import find


class Recipe(residual.Settings):
    """A critic that chooses among what another run writes: --init-from that run."""

    kind: ClassVar[str] = "text"
    paper: ClassVar[str] = "Deng et al. 2020; Gutmann & Hyvärinen 2010"
    cost: ClassVar[str] = "10 minutes of one core for 10,000 sentences"

    text: ItemSettings = ItemSettings()
    """How text is prepared; left out, as it was for that run."""
    training: Training = Training(steps=4_000, batch=64, warmup=100, clip=1.0, decay=0.5)
    """How long and in what portions; one item is a text, beside each a draft."""

    def upon(self, other: Mapping[str, Any] | None, asked: Collection[str]) -> "Recipe":
        """With the run to start from, by its model's config, but for settings that were asked for. UserError
        where it will not do."""
        if other is None:
            raise UserError(
                "residual trains a critic of what another run writes: say which by --init-from RUN"
            )
        if given := [name for name in asked if name.startswith("writer.")]:
            raise UserError(f"--{given[0]} is not to be given: it is what the run of --init-from has")
        words = other["spec"].get("vocabulary")
        if words is None or not words["ends"] or words["roles"]:
            what = "chats" if words and words["roles"] else "running text" if words else "no text"
            raise UserError(f"residual chooses among items of text, and that run makes {what}")
        settings = other["settings"]
        changes = {f"text.{name}": value for name, value in settings["text"].items()}
        changes = {name: value for name, value in changes.items() if name not in asked}
        return override(self, changes | {"writer.recipe": other["recipe"], "writer.settings": settings})

    def build(self, spec: Spec) -> Objective:
        found = type(find(self.writer.recipe)).model_validate(self.writer.settings)
        return residual.build(self, spec, found.build(spec))

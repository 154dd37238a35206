"""Runs of tiny networks, as a training leaves them, without one."""

from pathlib import Path

import torch

from ganvas.core import checkpoint
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.phonemes import Pronunciation, inventory
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models.voice import Voice
from ganvas.recipes.base import find

GREY = Spec(kind="image", shape=(1, 8, 8))
COLOUR = Spec(kind="image", shape=(3, 16, 16), classes=("cat", "dog"))
PLANE = Spec(kind="points", shape=(2,), offset=(1.0, -3.0), scale=(2.0, 0.5))
HOW = Pronunciation()
SPEECH = Spec(
    kind="speech",
    shape=(32_000,),
    rate=16_000,
    symbols=inventory(HOW),
    pronunciation=HOW,
    classes=("ann", "bob"),
)
SOUND = Spec(kind="sound", shape=(4096,), rate=16_000, classes=("x", "y"))
TEXT = Spec(kind="text", shape=(32,), vocabulary=Vocabulary(ends=True), longest=40)
COPIER = {
    **{"encoder__width": 16, "encoder__depth": 1, "encoder__latent": 4, "decoder__width": 16},
    **{"decoder__depth": 2, "critic__width": 2, "segment": 8, "prior__width": 16, "prior__depth": 1},
}
VOICE = COPIER | {"prior__flow": 16, "prior__moves": 2}
VOCODER = COPIER | {"prior__heads": 2}
WRITER = {"model__width": 16, "model__depth": 2, "model__heads": 2}
TEXTVAE = {
    **{"encoder__width": 16, "encoder__depth": 1, "encoder__heads": 2, "latent": 4},
    **{"decoder__width": 16, "decoder__depth": 2, "decoder__heads": 2},
}


def run(folder: Path, recipe: str, spec: Spec, **changes: object) -> Run:
    """An untrained one; its weights are larger than at the start, so that its items differ."""
    torch.manual_seed(0)
    chosen = override(find(recipe), {name.replace("__", "."): value for name, value in changes.items()})
    objective = chosen.build(spec)
    with torch.no_grad():
        for player in objective.averaged:
            for p in getattr(objective, player).parameters():
                p.mul_(1.0 if p.ndim < 2 else 2.0).add_(0.1 * torch.randn_like(p))
    if isinstance(objective, Voice):
        objective.examples[0, :40] = torch.arange(1, 41)
    settings = chosen.model_dump(mode="json")
    data = {"source": "/home/me/photos", "fingerprint": "f" * 32, "items": 1234, "held_out": 137}
    known = {"spec": spec.model_dump(mode="json")}
    record = {"recipe": recipe, "settings": settings, "seed": 3, "data": data | known}
    made = Run.create(folder, record)
    made.save_model(
        checkpoint.of_module(objective),
        {"recipe": recipe, "settings": settings, "ganvas": "0.1.0", "step": 100} | known,
    )
    return made

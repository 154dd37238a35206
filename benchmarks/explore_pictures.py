"""The pictures of docs/explore.md: `python benchmarks/explore_pictures.py runs/explore 10m`.

Trains what is not yet in that folder, each for that long, explores it, and keeps some of the pictures in
docs/pictures/, smaller.
"""

import subprocess
import sys
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
TRAINED = {
    "gan": "dcgan --generator.width 24 --critic.width 24",
    "vae": "vae --width 16 --latent 16",
    "plane": "vae --network dense --latent 2 --observation bernoulli --image.labels false",
    "flow": "flow --flow.steps 4 --flow.width 32 --training.batch 32",
}
KEPT = {
    "gan": ["directions", "inversion", "saliency"],
    "vae": ["traversal"],
    "plane": ["plane"],
    "flow": ["interpolation"],
}
WIDEST = 1100
"""Pixels."""
GREY = 10
"""Mean saturation of a picture whose colours are in its words only, at most."""


def ganvas(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "ganvas", *words], check=True)


def smaller(image: Image.Image) -> Image.Image:
    """Wide ones by a whole factor; grey ones with 52 greys, others with 128 colours."""
    small = image.convert("RGB").reduce(-(-image.width // WIDEST))
    saturation = small.convert("HSV").getchannel("S").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    if saturation > GREY:
        return small.quantize(128)
    return small.convert("L").point([round(level / 5) * 5 for level in range(256)])


def main() -> None:
    folder, budget = Path(sys.argv[1]), sys.argv[2]
    for name, what in TRAINED.items():
        run = folder / name
        if not run.exists():
            ganvas("train", *what.split(), "--data", "fashion", "--budget", budget, "--out", str(run))
        ganvas("explore", str(run), "--what", *KEPT[name])
        for kept in KEPT[name]:
            image = Image.open(run / "explore" / f"{kept}.png")
            smaller(image).save(PICTURES / f"explore-{name}-{kept}.png", optimize=True)


if __name__ == "__main__":
    main()

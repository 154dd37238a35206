"""What `ganvas explore` has drawn, as the report shows it."""

from pathlib import Path

FOLDER = "explore"
"""In the run's folder."""
ABOUT = {
    "interpolation": (
        "Two ways from one to another",
        "From one picture to another, in the straight line and along the great circle, on which the latent "
        "numbers stay as large as the model is used to. Smooth changes are a sign that it has understood.",
    ),
    "plane": (
        "The whole plane",
        "This model has two latent numbers, one to the right and one upwards. Each picture stands for an "
        "equal share of what the model makes.",
    ),
    "traversal": (
        "What each latent number does",
        "Two pictures, of which one latent number at a time is changed, in standard deviations. Those "
        "that carry most come first: by their KL divergence in nats or, where there is none, by how much one "
        "standard deviation changes these two pictures, in levels of 0 to 255.",
    ),
    "directions": (
        "Directions found without labels",
        "Two pictures moved along directions in the latent space: principal components of what the first "
        "hidden layer does, with their share of its variance (PCA; GANSpace, Härkönen et al. 2020), and what "
        "the first weights stretch most, with how much (SeFa, Shen & Zhou 2021).",
    ),
    "reconstruction": (
        "Real, and again",
        "Pictures that it was not trained on, and what is left of them after they went through the latent "
        "numbers.",
    ),
    "inversion": (
        "Found again",
        "Pictures that it was not trained on, the most similar of some hundred random ones, and the most "
        "similar that the generator could be brought to make. Below stands the root of the mean squared "
        "difference, in levels of 0 to 255.",
    ),
    "saliency": (
        "Where the critic looks",
        "Bright is where its verdict depends on the pixels most: the size of its gradient, a little blurred, "
        "each map from its own least to its own most.",
    ),
}
"""Each with its heading and what there is to see."""
OF_TEXT = {
    "interpolation": (
        "From one text to another",
        "The most probable text at equal steps on the straight line between two held-out ones. Where each is "
        "a sentence and they change step by step, it has understood; jumps, or one text all the way, say "
        "that it has not.",
    ),
    "neighbours": (
        "What it finds alike",
        "Held-out texts, and below each those of the others whose latent numbers are nearest.",
    ),
    "reconstruction": (
        "Real, and again",
        "Texts that it was not trained on, and below each what is left of it after it went through the "
        "latent numbers.",
    ),
}
"""The same of text."""


def drawn(run: Path) -> list[tuple[str, str, list[Path]]]:
    """Heading, words and files of each exploration that there is."""
    found = []
    for about, suffixes in ((ABOUT, (".png", ".webp")), (OF_TEXT, (".txt",))):
        for name, (heading, words) in about.items():
            files = [run / FOLDER / f"{name}{suffix}" for suffix in suffixes]
            found.append((heading, words, [file for file in files if file.exists()]))
    return [entry for entry in found if entry[2]]

"""The pictures of the README, from a run: `python benchmarks/readme_pictures.py runs/fashion`.

docs/pictures/demo.png: real items and made ones side by side. docs/pictures/report.png: the top of the report
in headless Chromium, where that is installed.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
QUIET += ("--disable-background-networking", "--disable-component-update", "--hide-scrollbars")


def side_by_side(run: Path) -> Image.Image:
    left = Image.open(run / "samples" / "real.png").convert("RGB")
    right = Image.open(max((run / "samples").glob("step-*.png"))).convert("RGB")
    sheet = Image.new("RGB", (left.width + right.width + 24, max(left.height, right.height)), "white")
    sheet.paste(left, (0, 0))
    sheet.paste(right, (left.width + 24, 0))
    return sheet


def main() -> None:
    run = Path(sys.argv[1])
    PICTURES.mkdir(parents=True, exist_ok=True)
    side_by_side(run).save(PICTURES / "demo.png", optimize=True)
    browser = shutil.which("chromium") or shutil.which("chrome")
    if browser is None:
        print("no Chromium here: report.png is left as it is")
        return
    with tempfile.TemporaryDirectory() as profile:
        shot = Path(profile) / "shot.png"
        page = f"file://{(run / 'report.html').resolve()}"
        size = ("--window-size=1280,1400", f"--user-data-dir={profile}", f"--screenshot={shot}")
        subprocess.run([browser, *QUIET, *size, page], check=True, capture_output=True)
        image = Image.open(shot).convert("RGB").quantize(128)
        image.save(PICTURES / "report.png", optimize=True)


if __name__ == "__main__":
    main()

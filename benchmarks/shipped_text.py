"""Rebuild the texts of src/ganvas/data/shipped from the packages that hold them.

    apt-get download bible-kjv bible-kjv-text && npm pack chinese-poetry@2.0.1
    python benchmarks/shipped_text.py ASSETS

ASSETS holds these three files.
"""

import gzip
import json
import lzma
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np

from ganvas.data.builtin import SHIPPED

CHOSEN = {(5, 2): 1500, (7, 2): 2500, (5, 4): 2500, (7, 4): 1500}
"""Poems by the characters in a half-line and the lines of two of these: quatrains, and verse of eight."""
HALF = "[\u3400-\u9fff]{%d}[，。？！；、]"


def kjv(assets: Path) -> None:
    """The New Testament, a blank line around the heading of each chapter, a verse a line with its number."""
    for package in assets.glob("bible-kjv*.deb"):
        subprocess.run(["dpkg", "-x", package, assets / "kjv"], check=True)
    reader = [assets / "kjv/usr/bin/bible", "-p", assets / "kjv/usr/lib", "-d", "bible.data", "-l100000"]
    found = subprocess.run(reader, input="mt1:1-rev22:21\n", capture_output=True, text=True, check=True)
    text = found.stdout.partition("mt1:1-rev22:21\n")[2].partition("bible(KJV) [Re22:21]>")[0]
    text = re.sub(r"(?m)^  ", "", text or found.stdout[found.stdout.index("Matthew 1\n") :]).strip() + "\n"
    (SHIPPED / "kjv.txt.xz").write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


def poems(assets: Path) -> None:
    """Regular poems of the Tang, evenly chosen of each form, in the order of the Quan Tangshi."""
    forms = {form: re.compile(f"(?:{HALF % form[0]}){{2}}") for form in CHOSEN}
    found: dict[tuple[int, int], list[str]] = {form: [] for form in forms}
    with tarfile.open(assets / "chinese-poetry-2.0.1.tgz") as archive:
        files = [m for m in archive if re.search(r"quantangshi/poet\.tang\.\d+\.json$", m.name)]
        for member in sorted(files, key=lambda m: int(m.name.split(".")[-2])):
            file = archive.extractfile(member)
            for poem in json.load(file) if file else []:
                lines = poem["paragraphs"]
                for form, pattern in forms.items():
                    if len(lines) == form[1] and all(map(pattern.fullmatch, lines)):
                        found[form].append("\n".join(lines))
    rows = []
    for form, texts in found.items():
        single = list(dict.fromkeys(texts))
        rows += [single[k] for k in np.linspace(0, len(single) - 1, CHOSEN[form]).round().astype(int)]
    body = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in rows)
    (SHIPPED / "poems.jsonl.gz").write_bytes(gzip.compress(body.encode(), 9, mtime=0))


if __name__ == "__main__":
    kjv(Path(sys.argv[1]))
    poems(Path(sys.argv[1]))
    for file in sorted(SHIPPED.iterdir()):
        print(f"{file.name:20} {file.stat().st_size:>10,} bytes")

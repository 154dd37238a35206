"""A corpus of dialogues as .jsonl, to try chats with: chatterbot-corpus of PyPI (BSD licence, as it says).

    pip download --no-deps chatterbot-corpus==1.3.3
    python benchmarks/chats.py chatterbot_corpus-1.3.3-py2.py3-none-any.whl english > chats.jsonl
    ganvas train --data chats.jsonl --text.context 384 --budget 30m && ganvas chat runs/chats

It is not shipped: the package holds no licence text, and some of its files were taken from elsewhere.
"""

import json
import sys
import zipfile
from collections.abc import Iterator

ROLES = ("user", "assistant")


def chats(wheel: str, language: str) -> Iterator[list[str]]:
    """What is said in each, turn by turn; those of fewer than two turns are left out."""
    import yaml

    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith(f"chatterbot_corpus/data/{language}/") and name.endswith(".yml"):
                for said in yaml.safe_load(archive.read(name))["conversations"]:
                    turns = [str(text).strip() for text in said]
                    if len(turns) > 1 and all(turns):
                        yield turns


if __name__ == "__main__":
    for turns in chats(sys.argv[1], sys.argv[2]):
        messages = [{"role": ROLES[k % 2], "content": text} for k, text in enumerate(turns)]
        print(json.dumps({"messages": messages}, ensure_ascii=False))

"""Front ends of English speech, side by side: what stands in docs/phonemes.md.

    python benchmarks/phonemes.py ganvas|gruut --prompts core-sounds-en.txt.gz --others us_silver.json

`--prompts`: the texts of Debian's asterisk-core-sounds-en; `--others`: the second dictionary of misaki 0.9.4
(in its wheel), of which those words are asked that `--known` (JSON, a list: the words of CMU's and of
gruut's dictionary) lacks. gruut 2.4.0 runs in an environment of its own.
"""

import argparse
import gzip
import json
import random
import re
import resource
import time
from pathlib import Path

HARVARD = """The birch canoe slid on the smooth planks.
Glue the sheet to the dark blue background.
It's easy to tell the depth of a well.
These days a chicken leg is a rare dish.
Rice is often served in round bowls.
The juice of lemons makes fine punch.
The box was thrown beside the parked truck.
The hogs were fed chopped corn and garbage.
Four hours of steady work faced us.
A large size in stockings is hard to sell.
The boy was there when the sun rose.
A rod is used to catch pink salmon.
The source of the huge river is the clear spring.
Kick the ball straight and follow through.
Help the woman get back to her feet.
A pot of tea helps to pass the evening.
Smoky fires lack flame and heat.
The soft cushion broke the man's fall.
The salt breeze came across from the sea.
The girl at the booth sold fifty bonds.""".splitlines()
HETERONYMS = """I [read ɹɛd] the book yesterday.|I will [read ɹid] the book.|She has [read ɹɛd] it twice.
Please [read ɹid] this message.
They like to [read ɹid].|It was [read ɹɛd] aloud.|You must [lead lid] the way.
The pipe is made of [lead lɛd].|A [lead lɛd] pipe burst.|Follow my [lead lid].|Press 1 to [record ɹɪkɔɹd].
That is a new world [record ɹɛkɚd].|[Record ɹɪkɔɹd] your message after the tone.|Keep a [record ɹɛkɚd] of it.
Your [records ɹɛkɚdz] are safe.|He [records ɹɪkɔɹdz] songs.|[Close kloʊz] the door.
Stand [close kloʊs] to me.
They [live lɪv] here.|This is a [live laɪv] show.|The [wind wɪnd] is cold.
[Wind waɪnd] the clock.
A [tear tɪɹ] ran down.|Do not [tear tɛɹ] it.|We [refuse ɹɪfjuz] to go.|Put the [refuse ɹɛfjus] outside.
The [object ɑbdʒɛkt] is red.|I [object əbdʒɛkt] to that.
We will [present pɹizɛnt] it.|A birthday [present pɹɛzənt].
The [content kɑntɛnt] is good.|[Use juz] the phone.|No [use jus] at all.|The [contract kɑntɹækt] is signed.
The [increase ɪnkɹis] is small.
Please [increase ɪnkɹis] the volume.|The [project pɹɑdʒɛkt] failed.
They [produce pɹədus] cars.|I'd like to [permit pɚmɪt] it.|Your [excuse ɪkskjus] is poor.
[Excuse ɪkskjuz] me.|My [house haʊs] is big.|They [conduct kəndʌkt] a test.|The [minute mɪnət] is over."""
WRITTEN = [
    "I paid $3.50 and £20 for 1,234 items (50%).",
    "On Jan 5th, 2024 at 3:45 pm.",
    "Dr. Smith lives at 221B Baker St. in the U.S.A.",
    "Call 555-1234 or e-mail bob@example.com; see https://www.example.com/a.",
    "It weighs 28.8 kg, i.e. -5 °C.",
    "The 2nd and 3rd of 1999, in the 1990s.",
    "2024-03-05 and 05/03/2024 at 14:30.",
    "Henry VIII, Chapter IV",
    "Voice over IP, PBX, ISDN.",
]
LIKE = {"d͡ʒ": "dʒ", "t͡ʃ": "tʃ", "ɝ": "ɚ", "ˈ": "", "ˌ": "", "‖": "", "|": "", "ː": "", "ʌ": "ə", "ɾ": "t"}


class Gruut:
    """gruut 2.4.0 (MIT)."""

    def __init__(self):
        import gruut
        from gruut.g2p import GraphemesToPhonemes

        self.sentences = gruut.sentences
        self.network = GraphemesToPhonemes

    def words(self, text):
        return [
            (word.text, "".join(word.phonemes or []))
            for sentence in self.sentences(text, lang="en-us")
            for word in sentence
            if word.phonemes
        ]

    def unknown(self, word):
        import gruut_lang_en

        if not hasattr(self, "model"):
            self.model = self.network(Path(gruut_lang_en.__file__).parent / "g2p" / "model.crf")
        return "".join(self.model(word))


class Ours:
    """ganvas.data.phonemes."""

    def __init__(self):
        from ganvas.data.phonemes import Pronunciation, utterances

        self.how, self.utterances = Pronunciation(), utterances

    def words(self, text):
        found = []
        for said in self.utterances(text, self.how):
            found += [
                ("", part)
                for part in "".join(said.symbols).translate(str.maketrans("", "", ",;.?!…")).split()
            ]
        return found

    def unknown(self, word):
        from ganvas.data.phonemes.english import compound, guessed, inflected

        return "".join(inflected(word) or compound(word) or guessed(word))


def alike(phonemes):
    for theirs, ours in LIKE.items():
        phonemes = phonemes.replace(theirs, ours)
    return phonemes


def rough(phonemes):
    """Weak vowels are not told apart, nor is n before k."""
    return re.sub("[ɪi]", "ə", alike(phonemes)).replace("ŋ", "n")


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


MISAKI = {
    "A": "eɪ",
    "I": "aɪ",
    "W": "aʊ",
    "O": "oʊ",
    "Y": "ɔɪ",
    "ʤ": "dʒ",
    "ʧ": "tʃ",
    "ᵊ": "ə",
    "ɜɹ": "ɚ",
    "əɹ": "ɚ",
    "T": "t",
    "ᵻ": "ɪ",
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["ganvas", "gruut"])
    parser.add_argument("--prompts", type=Path)
    parser.add_argument("--others", type=Path)
    parser.add_argument("--known", type=Path)
    args = parser.parse_args()
    start = time.process_time()
    engine = {"ganvas": Ours, "gruut": Gruut}[args.engine]()
    print(f"import {time.process_time() - start:.2f} s of processor")
    start = time.process_time()
    engine.words("Hello world.")
    print(f"first sentence {time.process_time() - start:.3f} s")
    start = time.process_time()
    for sentence in HARVARD:
        engine.words(sentence)
    print(f"Harvard sentence {(time.process_time() - start) / len(HARVARD) * 1e3:.1f} ms each")
    wrong = []
    for line in re.split(r"[|\n]", HETERONYMS):
        found = re.search(r"\[(\w+) (\S+)\]", line)
        plain = line.replace(found[0], found[1])
        k = len(re.findall(r"[\w']+", line[: found.start()]))
        said = [phonemes for _, phonemes in engine.words(plain)]
        if k >= len(said) or rough(said[k]) != rough(found[2]):
            wrong.append(f"{plain} {found[1]}: {said[k] if k < len(said) else '?'}")
    print(f"heteronyms wrong, of {HETERONYMS.count('[')}: {len(wrong)}", *wrong, sep="\n  ")
    for text in WRITTEN:
        print(text, " ".join(phonemes for _, phonemes in engine.words(text)), sep="\n  ")
    if args.prompts:
        prompts = gzip.decompress(args.prompts.read_bytes()).decode().splitlines()
        texts = [line.partition(": ")[2] for line in prompts if ": " in line and not set("[(<") & set(line)]
        start = time.process_time()
        for text in texts:
            engine.words(text)
        print(f"{len(texts)} prompts in {time.process_time() - start:.2f} s")
    if args.others:
        from_misaki(engine, args.others, args.known)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def from_misaki(engine, path, without):
    """Words of misaki's second dictionary that neither CMU's nor gruut's has."""
    words = {
        w: p
        for w, p in json.loads(path.read_text()).items()
        if isinstance(p, str) and re.fullmatch("[a-z]{4,16}", w)
    }
    known = set(json.loads(without.read_text()))
    asked = random.Random(0).sample(sorted(set(words) - known), 1_000)
    same = stressed = errors = total = 0
    start = time.process_time()
    for word in asked:
        wanted = words[word]
        for theirs, ours in MISAKI.items():
            wanted = wanted.replace(theirs, ours)
        said = engine.unknown(word)
        a, b = alike(said).replace("ɪ", "ə"), alike(wanted).replace("ɪ", "ə")
        same += a == b
        stressed += a == b and at_stress(said) == at_stress(wanted)
        errors += distance(a, b)
        total += len(b)
    took = (time.process_time() - start) / len(asked)
    print(f"unknown words right {same / len(asked):.3f}, with stress {stressed / len(asked):.3f}")
    print(f"phonemes wrong {errors / total:.3f}, {took * 1e3:.1f} ms each")


def at_stress(phonemes):
    """Which vowel has the primary stress."""
    vowels = re.findall(
        "ˈ?[ˌ]?(?:aʊ|aɪ|eɪ|oʊ|ɔɪ|[ɑæʌɔɛɚɪiʊuəɝ])", phonemes.replace("ɜɹ", "ɚ").replace("əɹ", "ɚ")
    )
    return next((k for k, vowel in enumerate(vowels) if vowel.startswith("ˈ")), 0)


if __name__ == "__main__":
    main()

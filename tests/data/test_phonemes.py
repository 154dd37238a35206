"""Any text becomes symbols of a fixed list, as a dictionary has them, or a sentence tells why it cannot."""

import json
import random
import shutil

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.phonemes import MOST, Pronunciation, guesses, inventory, read_lexicon, readable, utterances
from ganvas.data.phonemes.english import compound, dictionary, inflected
from ganvas.data.phonemes.fallback import LETTERS, PHONES, START, guess, weights
from ganvas.data.phonemes.numbers import cardinal, ordinal, roman, year
from ganvas.data.phonemes.symbols import ENGLISH, MARKS, from_arpabet, read_symbols
from ganvas.data.phonemes.wording import in_words

US = Pronunciation()
GERMAN = Pronunciation(language="de")
MANDARIN = Pronunciation(language="zh")


def said(text, how=US):
    return " ".join("".join(one.symbols) for one in utterances(text, how))


def words(text):
    return " ".join(in_words(text).split()).replace(" ,", ",")


def test_words_are_said_as_the_dictionary_has_them_with_stress_before_the_vowel():
    assert said("The quick brown fox jumps over the lazy dog.") == (
        "ðə kwˈɪk bɹˈaʊn fˈɑks dʒˈʌmps ˈoʊvɚ ðə lˈeɪzi dˈɔɡ."
    )
    for word in random.Random(0).sample([w for w in dictionary() if w.isalpha() and len(w) > 7], 200):
        assert utterances(word, US)[0].symbols == (*from_arpabet(dictionary()[word].split()), ".")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("1,234 items", "one thousand two hundred thirty four items"),
        ("28.8 and .5 and 007", "twenty eight point eight and zero point five and zero zero seven"),
        ("the 21st, 2nd and 12th", "the twenty first, second and twelfth"),
        ("Jan 5th, 2024", "January fifth twenty twenty four"),
        ("3 March 1905", "March third nineteen oh five"),
        ("2024-03-05 or 12/25/2000", "March fifth twenty twenty four or December twenty fifth two thousand"),
        ("in 1999, in the 1980s", "in nineteen ninety nine, in the nineteen eighties"),
        ("at 3:45 pm, 14:05 and 8 a.m.", "at three forty five P M, fourteen oh five and eight A M"),
        (
            "$3.50, £1 and $1.2 million",
            "three dollars and fifty cents, one pound and one point two million dollars",
        ),
        ("-5 °C, 50%, 1 km, 3 ft", "minus five degrees Celsius, fifty percent, one kilometer, three feet"),
        ("call 555-1234", "call five five five, one two three four"),
        ("Mr. Hall vs. Dr. Ng, St. John St.", "mister Hall versus doctor Ng, saint John street"),
        ("Henry VIII, Chapter IV", "Henry the eighth, Chapter four"),
        ("1/2, 3/4, 5-10, 3x4", "one half, three quarters, five to ten, three by four"),
        ("bob@a-b.org or www.x.com/y.", "bob at a dash b dot org or W W W dot x dot com slash y."),
        ("A&B + #5 = 6 @ the U.S.A.", "A and B plus number five equals six at the U S A"),
        ("3D, 221B", "three D, two hundred twenty one B"),
        ("3 1/2 lbs. of it on 4/5/99", "three and one half pounds of it on April fifth nineteen ninety nine"),
        ("the '90s, 1995-1999", "the nineties, nineteen ninety five to nineteen ninety nine"),
        ("AT&T in the US, MP3, J. R. Hall", "A T and T in the U S, M P three, J R Hall"),
        ("12345678901", "one two three four five six seven eight nine zero one"),
    ],
)
def test_what_is_written_is_put_in_words(written, spoken):
    assert words(written) == spoken


def test_numbers_count():
    named = [cardinal(n) for n in range(2_000)]
    assert len(set(named)) == 2_000
    assert cardinal(10**12 + 2_000_301) == "one trillion two million three hundred one"
    assert [ordinal(n) for n in (1, 3, 12, 20, 100)] == [
        "first",
        "third",
        "twelfth",
        "twentieth",
        "one hundredth",
    ]
    assert [year(n) for n in (1066, 1900, 2005, 2010)] == [
        *("one thousand sixty six", "nineteen hundred", "two thousand five", "twenty ten"),
    ]
    assert [roman(x) for x in ("IV", "XIV", "XLII", "XCIX")] == [4, 14, 42, 99]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("To record a new record, press 1.", "tə ɹɪkˈɔɹd ə nˈu ɹˈɛkɚd, pɹˈɛs wˈʌn."),
        ("I read it yesterday.", "aɪ ɹˈɛd ɪt jˈɛstɚdˌeɪ."),
        ("I will read it.", "aɪ wɪl ɹˈid ˈɪt."),
        ("Close the door.", "klˈoʊz ðə dˈɔɹ."),
        ("The door is close.", "ðə dˈɔɹ ɪz klˈoʊs."),
        ("We refuse the refuse.", "wi ɹɪfjˈuz ðə ɹˈɛfjˌus."),
        ("The end, the start.", "ði ˈɛnd, ðə stˈɑɹt."),
        ("PBX", "pˈi bˈi ˈɛks."),
        ("THIS IS A TEST", "ðˈɪs ɪz ə tˈɛst."),
        ("a", "ˈeɪ."),
    ],
)
def test_a_word_is_said_as_its_neighbours_ask(text, heard):
    assert said(text) == heard


def test_a_sentence_ends_where_one_does():
    text = "Dr. J. Smith came at 3 p.m. today. He left!  Did he? e.g. so\n\nnew paragraph"
    assert [one.text for one in utterances(text, US)] == [
        *("Dr. J. Smith came at 3 p.m. today.", "He left!", "Did he? e.g. so", "new paragraph"),
    ]
    assert [one.symbols[-1] for one in utterances("One... two? Three; four, (five)", US)] == ["?", "."]


@pytest.mark.parametrize("how", [US, MANDARIN, GERMAN])
def test_the_inventory_is_fixed_and_begins_with_padding(how):
    symbols = inventory(how)
    assert symbols[0] == "_"
    assert symbols[1:8] == MARKS
    assert len(set(symbols)) == len(symbols)
    assert inventory(Pronunciation.model_validate(json.loads(how.model_dump_json()))) == symbols


def test_whatever_the_text_its_symbols_are_of_the_inventory():
    rng = random.Random(0)
    letters = [*map(chr, range(32, 0x250)), *"あ中мир😀…“”—½€\n\t\x00\u200b", *"aeiou .,?!'123 " * 9]
    known = set(ENGLISH)
    for _ in range(100):
        text = "".join(rng.choices(letters, k=rng.randrange(1, 90)))
        try:
            found = utterances(text, US)
        except UserError as error:
            assert "can be said" in str(error) or "no text" in str(error)  # noqa: PT017
            continue
        for one in found:
            assert known.issuperset(one.symbols)
            assert one.symbols[-1] in MARKS
            assert " ." not in "".join(one.symbols)


@pytest.mark.parametrize(
    "text", ["one two, three four " * 500, "seven " * 1_700, "x" * 10_000, "1234567890" * 1_000]
)
def test_ten_thousand_characters_in_one_sentence_are_cut_where_one_breathes(text):
    found = utterances(text, US)
    assert all(len(one.symbols) <= MOST for one in found)
    assert len(found) > 1
    if "," in text:
        assert all(one.symbols[-1] == "," for one in found[:-1])
    if "one" in text or "seven" in text:
        heard = "".join(c for one in found for c in one.symbols if c not in MARKS)
        assert heard == "".join(c for word in text.replace(",", "").split() for c in said(word)[:-1])


def test_what_cannot_be_said_is_left_out_and_told():
    found = utterances('Hello 😀 <break time="1s"/> мир, café & naïve. 😀', US)
    assert said("Hello, cafe and naive.") == "".join(found[0].symbols)
    assert sorted(found[0].unsaid) == ['<break time="1s"/>', "мир", "😀", "😀"]
    assert "left out:" in readable(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        *(("", "there is no text"), (" \n", "there is no text"), ("😀", "can be said")),
        *(("привет", "can be said"), ("<b></b>", "can be said"), ("...", "can be said")),
    ],
)
def test_a_text_without_anything_to_say_is_refused(text, problem):
    with pytest.raises(UserError, match=problem):
        utterances(text, US)


def test_forms_and_compounds_of_known_words_are_made_of_them():
    assert "".join(inflected("waldo's") or ()) == "wˈɑldoʊz"
    assert inflected("unistims") is None
    assert "".join(inflected("sandwiching") or ()) == "sˈændwɪtʃɪŋ"
    assert "".join(compound("touchtone") or ()) == "tˈʌtʃtˌoʊn"
    assert "".join(compound("unmute") or ()) == "ˌʌnmjˈut"


def test_what_no_dictionary_has_is_guessed_and_named():
    found = guesses("The dahdi touchtone prompts of Unistim.", US)
    assert set(found) == {"dahdi", "touchtone", "Unistim"}
    assert all("ˈ" in phonemes for phonemes in found.values())
    assert not guesses("Press one for the directory.", US)


def test_the_network_is_a_gated_recurrent_unit():
    w = {name: torch.from_numpy(value) for name, value in weights().items()}
    cells = {part: torch.nn.GRUCell(256, 256) for part in ("enc", "dec")}
    for part, cell in cells.items():
        names = [(a, b) for a in ("weight", "bias") for b in ("ih", "hh")]
        cell.load_state_dict({f"{a}_{b}": w[f"{part}_{a[0]}_{b}"] for a, b in names})
    for word in ("unistim", "blorptacular"):
        h = torch.zeros(1, 256)
        for letter in [*word, "</s>"]:
            h = cells["enc"](w["enc_emb"][LETTERS.index(letter)][None], h)
        last, found = START, []
        while True:
            h = cells["dec"](w["dec_emb"][last][None], h)
            last = int((h @ w["fc_w"].T + w["fc_b"]).argmax())
            if PHONES[last] == "</s>":
                break
            found.append(PHONES[last])
        assert guess(word) == tuple(found)


def test_a_users_lexicon_goes_first_in_ipa_or_arpabet(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# mine\nGanvas\tˈɡæn.vəs\nqwerty  K W ER1 T IY0\nthe\tðʌ\n", encoding="utf-8")
    how = Pronunciation(lexicon=str(path))
    assert how.lexicon == read_lexicon(str(path))
    assert said("The Ganvas qwerty", how) == "ðʌ ɡˈænvəs kwˈɚti."
    again = Pronunciation.model_validate(json.loads(how.model_dump_json()))
    assert said("the ganvas", again) == said("the ganvas", how)
    assert read_symbols("həˈloʊ", ENGLISH) == read_symbols("HH AH0 L OW1", ENGLISH)


@pytest.mark.parametrize(
    ("content", "problem"),
    [("word", "line 1: expected a word"), ("word\tʘʘ", "'word' cannot be said.*is no phoneme here")],
)
def test_a_lexicon_that_cannot_be_read_says_where(tmp_path, content, problem):
    path = tmp_path / "words.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        Pronunciation(lexicon=str(path))
    with pytest.raises(UserError, match="there is no lexicon"):
        Pronunciation(lexicon=str(tmp_path / "none.txt"))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_espeak_speaks_other_languages():
    found = utterances("Guten Tag, wie geht es Ihnen? Es ist 14:30 Uhr. 😀", GERMAN)
    assert "".join(found[0].symbols).startswith("ɡˈuːtən tˈɑːk, viː ɡˈeːt")
    assert {s for one in found for s in one.symbols} <= set(inventory(GERMAN))
    assert [one.symbols[-1] for one in found] == ["?", "."]
    assert found[1].unsaid == ("😀",)
    own = Pronunciation(language="de", lexicon={"tag": "t a k"})
    assert "tak" in said("Guten Tag", own)
    with pytest.raises(UserError, match="does not know the language xx"):
        utterances("a", Pronunciation(language="xx"))


def test_what_is_no_language_is_refused():
    for wrong in ("e", "-q", "en us", "en;ls"):
        with pytest.raises(ValueError, match="is no code of a language"):
            Pronunciation(language=wrong)


def test_without_espeak_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="needs the program espeak-ng, not installed"):
        utterances("Ein Satz, den noch niemand sagte.", GERMAN)


def test_mandarin_is_initials_finals_and_tones():
    pytest.importorskip("pypinyin")
    pytest.importorskip("cn2an")
    found = utterances("你好，世界！银行长大了100元 hello。", MANDARIN)
    assert "".join(found[0].symbols) == "ni3 hao3, shi4 jie4!"
    assert "".join(found[1].symbols) == "in2 hang2 zhang3 da4 le5 i4 bai3 van2."
    assert found[1].unsaid == ("hello",)
    assert {s for one in found for s in one.symbols} <= set(inventory(MANDARIN))


def test_without_pypinyin_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pypinyin", None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[mandarin\]'"):
        utterances("你好", MANDARIN)


def test_a_sentence_is_ready_in_less_than_five_milliseconds():
    import time

    utterances("Warm up.", US)
    text = "The birch canoe slid on the smooth planks, and nobody noticed it at 3:45 pm. "
    start = time.process_time()
    count = len(utterances(text * 100, US))
    assert (time.process_time() - start) / count < 0.005


def test_symbols_are_plain_and_few():
    assert len(ENGLISH) == 1 + len(MARKS) + 2 + 40
    assert np.array_equal(sorted(ENGLISH[10:]), ENGLISH[10:])

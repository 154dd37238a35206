"""The languages of espeak-ng, which is GPL and therefore stays a program of its own."""

import re
import shutil
import subprocess
import unicodedata
from functools import lru_cache

from ganvas.core.errors import UserError
from ganvas.data.phonemes.symbols import IPA

PROGRAM = "espeak-ng"
SWITCH = re.compile(r"\([a-z0-9-]+\)")
"""Where it goes over to another language."""
KNOWN = frozenset(IPA)


@lru_cache(maxsize=4096)
def phonemes(text: str, language: str) -> tuple[str, ...]:
    """The symbols of a clause, without punctuation; none where it has nothing to say."""
    if shutil.which(PROGRAM) is None:
        raise UserError(
            f"the language {language} needs the program {PROGRAM}, not installed here; install it "
            f"(apt install {PROGRAM}, brew install {PROGRAM}), or choose en-us"
        )
    call = [PROGRAM, "-q", "--ipa", "-v", language, "--stdin"]
    done = subprocess.run(call, input=text, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise UserError(f"{PROGRAM} does not know the language {language}; `{PROGRAM} --voices` lists them")
    said = unicodedata.normalize("NFD", SWITCH.sub("", done.stdout)).replace("c\u0327", "ç")
    return tuple(c for c in " ".join(said.replace("_", "").split()) if c in KNOWN)

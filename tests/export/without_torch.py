"""Commands where torch is not installed."""

import json
import subprocess
import sys

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "onnx", "onnxscript", "jinja2", "soundfile", "av"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from ganvas.cli import main
main()
assert "torch" not in sys.modules
"""


def asked(folder, *line):
    """What a command answers, run in this folder."""
    answer = _run(folder, *line, "--json")
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def refused(folder, *line):
    """The sentence by which it is refused."""
    answer = _run(folder, *line)
    assert (answer.returncode, answer.stdout, answer.stderr.count("\n")) == (2, "", 1), answer.stderr
    return answer.stderr


def _run(folder, *line):
    arguments = [sys.executable, "-c", ABSENT, *map(str, line)]
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)

"""Commands where torch is not installed."""

import json
import subprocess
import sys

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "onnx", "onnxscript", "jinja2", "soundfile", "av"}:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Absent())
from ganvas.cli import main
main()
assert "torch" not in sys.modules
"""


def asked(folder, *line):
    """What a command answers, run in this folder."""
    arguments = [sys.executable, "-c", ABSENT, *map(str, line), "--json"]
    answer = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)

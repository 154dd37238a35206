"""What tests of the command line share."""

import io
import sys

import pytest

from ganvas import cli


@pytest.fixture
def typed(monkeypatch, capsys, tmp_path):
    """A command line, in an empty folder, with this on standard input; exit code, output and error."""
    monkeypatch.chdir(tmp_path)

    def run(*args, lines=""):
        monkeypatch.setattr(sys, "argv", ["ganvas", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        found = capsys.readouterr()
        return code, found.out, found.err

    return run

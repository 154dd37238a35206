"""A run that was killed ends with the bits of one that was not: benchmarks/kill.py, in short and in full."""

import signal

import kill
import pytest

SHORT = [signal.SIGKILL, signal.SIGINT, signal.SIGKILL]


@pytest.mark.parametrize(("processes", "signals"), [(1, SHORT), (2, [signal.SIGKILL])])
def test_killed_a_few_times(tmp_path, processes, signals):
    found = kill.trial("short", tmp_path, signals, steps=40, processes=processes)
    assert found.equal
    assert found.logs_equal


@pytest.mark.parametrize(
    "recipe", ["vae", "vaegan", "hvae", "lm", "textvae", "seqgan", "relgan", "residual", "voice"]
)
def test_killed_once(tmp_path, recipe):
    found = kill.trial("once", tmp_path, [signal.SIGKILL], steps=40, recipe=recipe)
    assert found.equal
    assert found.logs_equal


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_twenty_times(tmp_path, processes, number):
    found = kill.trial("long", tmp_path, [number] * 20, steps=400, processes=processes)
    assert len(found.kills) == 20
    assert found.equal
    assert found.logs_equal

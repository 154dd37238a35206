"""Voices that ganvas brings. Whoever asks for their names needs no torch."""

from pathlib import Path

VOICES = Path(__file__).parent / "voices"
"""A folder each."""
VOICE = "asterisk"
"""The one that speaks where none is named."""

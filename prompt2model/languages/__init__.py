"""Which language a text is written in."""

from prompt2model.languages.detection import detect_language

__all__ = ["detect_language"]

"""Prompts as people write them, each with the parts of the task that the rules must find."""

from cases_of_labels import CASES_OF_LABELS
from cases_of_languages import CASES_OF_LANGUAGES
from cases_of_layouts import CASES_OF_LAYOUTS
from cases_of_parts import CASES_OF_PARTS
from prompt_case import Case

__all__ = ["CASES", "Case"]

CASES = (*CASES_OF_LAYOUTS, *CASES_OF_LABELS, *CASES_OF_PARTS, *CASES_OF_LANGUAGES)

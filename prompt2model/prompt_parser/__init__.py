"""Prompt text → TaskSpec: instruction, demonstrations, kind, labels and language."""

from prompt2model.prompt_parser.parser import ParserInputs, PromptParser
from prompt2model.prompt_parser.settings import GivenDemonstration, PromptParserConfig

__all__ = ["GivenDemonstration", "ParserInputs", "PromptParser", "PromptParserConfig"]

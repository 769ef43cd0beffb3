"""New examples from a teacher: temperature annealing, balance, no duplicates, self-consistency."""

from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.generator import DatasetGenerator, GeneratorInputs

__all__ = ["DatasetGenerator", "DatasetGeneratorConfig", "GeneratorInputs"]

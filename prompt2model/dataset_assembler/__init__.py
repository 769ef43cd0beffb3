"""Merge, deduplicate, decontaminate against the reserved tests, split train and validation."""

from prompt2model.dataset_assembler.assembler import DatasetAssembler
from prompt2model.dataset_assembler.config import DatasetAssemblerConfig

__all__ = ["DatasetAssembler", "DatasetAssemblerConfig"]

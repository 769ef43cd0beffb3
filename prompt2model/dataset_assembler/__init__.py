"""Merge, deduplicate, decontaminate against the reserved tests, split train and validation."""

from prompt2model.dataset_assembler.assembler import DatasetAssembler, DatasetAssemblerConfig

__all__ = ["DatasetAssembler", "DatasetAssemblerConfig"]

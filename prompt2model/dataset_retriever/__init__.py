"""TaskSpec → data sets, columns, rows."""

from prompt2model.dataset_retriever.config import ColumnNames, DatasetRetrieverConfig
from prompt2model.dataset_retriever.retriever import DatasetRetriever

__all__ = ["ColumnNames", "DatasetRetriever", "DatasetRetrieverConfig"]

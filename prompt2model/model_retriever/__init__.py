"""Find a base model for a task: a hypothetical model card (HyDE), BM25, popularity; filters first."""

from prompt2model.model_retriever.retriever import ModelRetriever, ModelRetrieverConfig

__all__ = ["ModelRetriever", "ModelRetrieverConfig"]

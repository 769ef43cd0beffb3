"""Evidence for questions: passages of a corpus, found by BM25, one for each option (MedQA, arXiv 2009.13081).

evidence = open_evidence("library/", cache_folder, progress)
evidence.evidence_for(Item("Which vitamin is lacking in scurvy?", ("vitamin A", "vitamin C")))
"""

from prompt2model.evidence.baseline import OptionRetrievalPredictor
from prompt2model.evidence.corpus_files import check_corpus
from prompt2model.evidence.retriever import EvidenceRetriever, Passage, open_evidence, with_evidence
from prompt2model.evidence.students import PredictorWithEvidence, evidence_of_student

__all__ = [
    "EvidenceRetriever",
    "OptionRetrievalPredictor",
    "Passage",
    "PredictorWithEvidence",
    "check_corpus",
    "evidence_of_student",
    "open_evidence",
    "with_evidence",
]

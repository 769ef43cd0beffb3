"""The person in the loop: the rows of a run as a table and a page; what is decided becomes part of the run."""

from prompt2model.review.apply_table import apply_table
from prompt2model.review.server import launch_review
from prompt2model.review.write_table import write_table

__all__ = ["apply_table", "launch_review", "write_table"]

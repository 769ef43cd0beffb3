"""An input of several columns is found from the demonstrations and read in their form."""

import pytest

from prompt2model.catalogue.columns import propose_columns
from prompt2model.catalogue.input_parts import cell_text, shown_parts
from prompt2model.records import Demonstration, TaskSpec

PAIRS = [(f"A man walks his dog number {n} in the park", f"Somebody is outside {n}", "yes") for n in range(20)]
DEMOS = (
    Demonstration("First: A woman rides a horse. Second: She sleeps.", "no"),
    Demonstration("First: Two boys play football. Second: They move.", "yes"),
)


def test_the_marks_of_the_demonstrations_are_kept() -> None:
    rows = [{"id": str(n), "premise": a, "hypothesis": b, "label": c} for n, (a, b, c) in enumerate(PAIRS)]
    task = TaskSpec("Does it follow?", DEMOS, "classification", ("yes", "no"), "en", "")
    choice = propose_columns(("id", "premise", "hypothesis", "label"), rows, task)
    assert (choice.inputs, choice.output) == (("premise", "hypothesis"), "label")
    assert choice.input_text(rows[3]) == f"First: {PAIRS[3][0]} Second: {PAIRS[3][1]}"
    assert choice.input_text({**rows[3], "hypothesis": " "}) == "", "half an input is none"


def test_a_column_that_holds_the_whole_input_stays_one() -> None:
    rows = [{"text": f"First: {a}. Second: {b}.", "label": c} for a, b, c in PAIRS]
    task = TaskSpec("Does it follow?", DEMOS, "classification", ("yes", "no"), "en", "")
    choice = propose_columns(("text", "label"), rows, task)
    assert (choice.inputs, choice.input_text(rows[0])) == (("text",), rows[0]["text"])


def test_without_demonstrations_a_known_pair_is_joined_under_its_names() -> None:
    rows = [{"premise": a, "hypothesis": b, "label": c} for a, b, c in PAIRS]
    task = TaskSpec("Does it follow?", (), "classification", ("yes", "no"), "en", "")
    choice = propose_columns(tuple(rows[0]), rows, task)
    assert choice.input_text(rows[0]) == f"premise: {PAIRS[0][0]}\nhypothesis: {PAIRS[0][1]}"


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        (["Title: a Text: b", "Title: c d Text: e"], ("Title", "Text")),
        (["a story.\nWhy so?", "another one.\nWhy not?"], ("", "")),
        (["at 10:30 he left", "at 11:45 she came"], ("",)),
    ],
)
def test_how_inputs_are_cut(inputs: list[str], names: tuple[str, ...]) -> None:
    assert shown_parts(inputs)[-1].names == names


def test_lists_become_text() -> None:
    assert cell_text('["A", "cat"]', True) == "A cat"
    assert cell_text('["One text.", "Another text."]', True) == "One text.\nAnother text."
    assert cell_text('["A", "cat"]', False) == '["A", "cat"]'

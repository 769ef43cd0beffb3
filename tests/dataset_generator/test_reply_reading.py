"""New examples are read out of JSON, damaged JSON, lists and bare lines; nothing is made up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.dataset_generator.reading import read_continuation, read_inputs, read_questions


def texts(reply: str) -> list[str]:
    return [candidate.input for candidate in read_inputs(reply)]


def test_arrays_fences_and_objects_are_read() -> None:
    assert texts('["one", "two"]') == ["one", "two"]
    assert texts('Here you are:\n```json\n["one",\n "two",]\n```\nDone.') == ["one", "two"]
    assert texts('[{"input": "one", "output": "x"}, {"text": "two"}, 3]') == ["one", "two"]
    assert texts('{"inputs": ["one", "two"]}') == ["one", "two"]
    assert texts('{"input": "one"}\n{"input": "two"}') == ["one", "two"]


def test_of_a_cut_array_the_whole_elements_are_read() -> None:
    assert texts('["one", "two, with a comma,]", "thr') == ["one", "two, with a comma,]"]
    assert texts('[{"input": "one"}, {"input": "tw') == ["one"]


def test_lists_are_read_and_prose_is_not() -> None:
    assert texts("1. one\n2) 'two'\n- three") == ["one", "two", "three"]
    assert texts("I am sorry, I cannot help with that.") == []
    assert texts("[]") == texts("") == texts('["", "...", null]') == []


def test_questions_need_choices_and_one_right_answer() -> None:
    good = '{"input": "Which?", "choices": ["a", "b"], "output": "b"}'
    bad = '{"input": "Which?", "choices": ["a", "b"], "output": "c"}, {"input": "Q", "choices": ["a", "a"]}'
    (candidate,) = read_questions(f"[{good}, {bad}]")
    assert (candidate.input, candidate.choices, candidate.answer) == ("Which?", ("a", "b"), "b")


def test_a_continuation_is_one_input_without_what_follows() -> None:
    assert [c.input for c in read_continuation('Input: "Where is it?"')] == ["Where is it?"]
    assert [c.input for c in read_continuation(" Where is it?\nOutput: shipping")] == ["Where is it?"]
    assert read_continuation(" ...") == []


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='[]{}",:\\ ab1-\n', max_size=60))
def test_any_reply_is_survived(reply: str) -> None:
    for read in (read_inputs, read_questions, read_continuation):
        assert all(candidate.input.strip() == candidate.input != "" for candidate in read(reply))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet=st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20), max_size=5))
def test_json_strings_come_back_as_they_were(values: list[str]) -> None:
    import json

    from prompt2model.dataset_generator.reading import unquoted

    wanted = [unquoted(value) for value in values if any(c.isalnum() for c in value)]
    assert texts(json.dumps(values)) == wanted

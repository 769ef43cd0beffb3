"""The record: JSON in and out, unknown keys refused, blocks that do not fit together refused in one line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.errors import ConfigError
from prompt2model.prompt_program import Answer, Block, PromptProgram, Shown, without_slots

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)
names = st.sampled_from(["one", "two_2", "three"])


@st.composite
def programs(draw: st.DrawFn) -> PromptProgram:
    """Programs whose texts hold anything, braces and control characters included."""
    blocks: list[Block] = []
    for name in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        slots = [slot for slot in ("input", *(block.name for block in blocks)) if draw(st.booleans())]
        prompt = " ".join([without_slots(draw(words)), *(f"{{{{{slot}}}}}" for slot in slots)])
        shown = st.builds(
            Shown,
            values=st.fixed_dictionaries({"input": words, "choices": words, **dict.fromkeys(slots, words)}),
            output=words,
        )
        blocks.append(
            Block(
                name=name,
                prompt=prompt,
                system=draw(st.text(st.characters(codec="utf-8"), max_size=12)),
                demonstrations=tuple(draw(st.lists(shown, max_size=2))),
                max_tokens=draw(st.integers(1, 400)),
                stop=tuple(draw(st.lists(words, max_size=2))),
            )
        )
    spoken = draw(st.lists(words, max_size=3, unique_by=lambda word: " ".join(word.casefold().split())))
    answers = [
        Answer(word=word, label=draw(words) if not place else draw(st.none() | words))
        for place, word in enumerate(spoken)
    ]
    return PromptProgram(name=draw(words), blocks=tuple(blocks), answers=tuple(answers))


@settings(max_examples=60)
@given(programs())
def test_a_program_is_the_same_after_json(program: PromptProgram) -> None:
    text = program.to_json()
    again = PromptProgram.from_json(text)
    assert again == program
    assert again.to_json() == text


def described(**changes: object) -> dict[str, object]:
    blocks = [
        {"name": "gist", "prompt": "{{input}}\nIn short?"},
        {"name": "label", "prompt": "{{gist}}\nWhich?", "demonstrations": [{"values": {"input": "a"}, "output": "x"}]},
    ]
    return {"name": "two", "blocks": blocks, "answers": [{"word": "x", "label": "X"}], **changes}


def test_a_program_of_two_blocks_is_read() -> None:
    program = PromptProgram.from_json(json.dumps(described()))
    assert [block.name for block in program.blocks] == ["gist", "label"]
    assert (program.labels, program.words) == (("X",), ("x",))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"script": "rm"}, "script"),
        ({"version": 2}, "version"),
        ({"blocks": []}, "blocks"),
        ({"blocks": [{"name": "input", "prompt": "x"}]}, "name of its own"),
        ({"blocks": [{"name": "Bad name", "prompt": "x"}]}, "name"),
        ({"blocks": [{"name": "a", "prompt": "{{b}}"}, {"name": "b", "prompt": "x"}]}, "slot {{b}} that nothing fills"),
        ({"blocks": [{"name": "a", "prompt": "x", "tool": 1}]}, "tool"),
        ({"blocks": [{"name": "a", "prompt": "x", "max_tokens": 0}]}, "max_tokens"),
        (
            {"blocks": [{"name": "a", "prompt": "{{input}}", "demonstrations": [{"values": {}, "output": "x"}]}]},
            "no value for {{input}}",
        ),
        (
            {"blocks": [{"name": "a", "prompt": "x", "demonstrations": [{"values": {"z": "1"}, "output": "x"}]}]},
            "'z', which is no slot",
        ),
        ({"answers": [{"word": "x", "label": None}]}, "all answers abstain"),
        ({"answers": [{"word": "x", "label": "X"}, {"word": " X ", "label": "Y"}]}, "have to differ"),
    ],
)
def test_what_is_no_program_is_refused_in_one_line(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match="no prompt program") as caught:
        PromptProgram.from_json(json.dumps(described(**changes)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"name": "x"}', b"\xff\xfe"])
def test_text_that_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(ConfigError, match="no prompt program"):
        PromptProgram.from_json(text)


def test_a_demonstration_names_what_an_earlier_block_would_need_to_write_its_value() -> None:
    blocks = [
        {"name": "gist", "prompt": "{{input}}"},
        {"name": "label", "prompt": "{{gist}}", "demonstrations": [{"values": {}, "output": "x"}]},
    ]
    with pytest.raises(ConfigError, match="has no value for"):
        PromptProgram.from_json(json.dumps(described(blocks=blocks)))
    blocks[1]["demonstrations"] = [{"values": {"gist": "short"}, "output": "x"}]
    assert PromptProgram.from_json(json.dumps(described(blocks=blocks)))

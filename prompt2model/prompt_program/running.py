"""A prompt program on inputs, batch first: each block is asked about all inputs before the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from prompt2model.prompt_program.guarding import as_data, guarded
from prompt2model.prompt_program.item_texts import evidence_text, lettered
from prompt2model.prompt_program.program import CHOICES, INPUT, Block, PromptProgram
from prompt2model.prompt_program.slots import fill, slots_in
from prompt2model.records import FailureKind, Item
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse, Message


@dataclass(slots=True)
class BlockState:
    """How far a program came with one input.

    `values` are the slots filled so far; `response` is the last block's answer. With a `failure` it went no further:
    the kind of the call that failed, or `empty`. Tokens are those of all its calls; of equal requests the first input
    bears them.
    """

    values: dict[str, str]
    failure: FailureKind | None = None
    response: ChatResponse | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def charge(self, response: ChatResponse) -> None:
        """Add the tokens of an answer."""
        self.prompt_tokens += response.prompt_tokens
        self.completion_tokens += response.completion_tokens


@dataclass(slots=True)
class ProgramRunner:
    """Runs one program with one client. Equal requests are asked once; `calls` counts what was asked.

    Values are data: control texts of a chat are broken in them, and so are the marks and line heads of the prompt they
    are put into (`as_data`). A demonstration whose earlier block gave nothing is left out.
    """

    program: PromptProgram
    client: ChatClient
    temperature: float = 0.0
    draw: int = 0
    purpose: str = "program"
    calls: int = 0
    _turns: dict[str, tuple[Message, ...]] = field(default_factory=dict)

    def run(self, items: Sequence[Item]) -> list[BlockState]:
        """All blocks on all items, in the order of the items."""
        states = self.before_last(items)
        self._ask(self.program.blocks[-1], states)
        return states

    def before_last(self, items: Sequence[Item]) -> list[BlockState]:
        """All blocks but the last one, for a caller that scores the last one's answers."""
        states = [BlockState(self._item_values(item)) for item in items]
        for block in self.program.blocks[:-1]:
            self._write(block, states)
        return states

    def messages(self, block: Block, state: BlockState, bearer: BlockState | None = None) -> tuple[Message, ...]:
        """What `block` is asked about one input: system text, demonstrations, prompt.

        `bearer` bears the tokens of what has to be written for the demonstrations.
        """
        if block.name not in self._turns:
            self._turns[block.name] = self._shared_turns(block, bearer or state)
        return (*self._turns[block.name], _prompt_turn(block, state.values))

    def _item_values(self, item: Item) -> dict[str, str]:
        text = "\n".join([item.input, *([evidence_text(item.evidence)] if any(item.evidence) else [])])
        return {INPUT: text, CHOICES: lettered(item.choices or self.program.words)}

    def _ask(self, block: Block, states: Sequence[BlockState]) -> None:
        """The answer of one block for every input that came so far."""
        going = [state for state in states if state.failure is None]
        requests = [
            ChatRequest(
                self.messages(block, state), self.temperature, block.max_tokens, block.stop, self.draw, self.purpose
            )
            for state in going
        ]
        wanted = list(dict.fromkeys(requests))
        if not wanted:
            return
        self.calls += len(wanted)
        answers = dict(self.client.complete_many(wanted))
        charged: set[ChatRequest] = set()
        for state, request in zip(going, requests, strict=True):
            state.response = answers[request]
            if request not in charged:
                state.charge(answers[request])
                charged.add(request)
            state.failure = answers[request].failure
            if state.failure is None and not answers[request].text.strip():
                state.failure = "empty"

    def _write(self, block: Block, states: Sequence[BlockState]) -> None:
        """An inner block: what it says fills its slot."""
        self._ask(block, states)
        for state in states:
            if state.failure is None and state.response is not None:
                state.values[block.name] = state.response.text.strip()

    def _shared_turns(self, block: Block, bearer: BlockState) -> tuple[Message, ...]:
        turns = [Message("system", guarded(block.system))] if block.system else []
        for shown, state in self._shown(block, bearer):
            turns += [_prompt_turn(block, state.values), Message("assistant", guarded(shown))]
        return tuple(turns)

    def _shown(self, block: Block, bearer: BlockState) -> list[tuple[str, BlockState]]:
        """The demonstrations' outputs and filled slots; earlier blocks write what is missing."""
        own = {CHOICES: lettered(self.program.words)}
        shown = [(one.output, BlockState({**own, **one.values})) for one in block.demonstrations]
        lacking = [self.program.to_write(block.name, one.values) for one in block.demonstrations]
        for earlier in self.program.blocks:
            self._write(
                earlier, [state for (_, state), blocks in zip(shown, lacking, strict=True) if earlier in blocks]
            )
        for _, state in shown:
            bearer.prompt_tokens += state.prompt_tokens
            bearer.completion_tokens += state.completion_tokens
        return [(output, state) for output, state in shown if state.failure is None]


def _prompt_turn(block: Block, values: dict[str, str]) -> Message:
    slots = slots_in(block.prompt)
    return Message("user", guarded(fill(block.prompt, {slot: as_data(values[slot], block.prompt) for slot in slots})))

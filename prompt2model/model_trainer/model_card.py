"""The README.md of a student folder: what the model is and how it loads with plain transformers."""

from __future__ import annotations

import json
from itertools import chain

from prompt2model.catalogue.source_names import count_sources
from prompt2model.predictor import StudentSpec
from prompt2model.records import Rows

_PIPELINES = {
    "encoder": "text-classification",
    "encoder_decoder": "text2text-generation",
    "decoder": "text-generation",
}

_CLASSIFY = """\
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
inputs = tokenizer(text, truncation=True, max_length={max_input_tokens}, return_tensors="pt")
with torch.inference_mode():
    probabilities = model(**inputs).logits.softmax(-1)[0]
print(model.config.id2label[int(probabilities.argmax())])
"""

_WRITE = """\
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSeq2SeqLM.from_pretrained(folder)
prompt = {input_format}.replace("{{input}}", text)
inputs = tokenizer(prompt, return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens={max_new_tokens}, do_sample=False, num_beams=1)
print(tokenizer.decode(answer[0], skip_special_tokens=True).strip())
"""

_CONTINUE = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = {input_format}.replace("{{input}}", text)
inputs = tokenizer(prompt, return_tensors="pt")
answer = model.generate(**inputs, max_new_tokens={max_new_tokens}, do_sample=False)
print(tokenizer.decode(answer[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True).strip())
"""

_CODE = {"encoder": _CLASSIFY, "encoder_decoder": _WRITE, "decoder": _CONTINUE}


def load_code(spec: StudentSpec) -> str:
    """Python that answers `text` with the student in `folder`, with transformers alone."""
    return _CODE[spec.family].format(
        max_input_tokens=spec.max_input_tokens,
        max_new_tokens=spec.max_new_tokens,
        input_format=json.dumps(spec.input_format),
    )


def model_card(spec: StudentSpec, train: Rows, validation: Rows) -> str:
    """The text of README.md; it says where the rows came from and under which licences."""
    lines = ["---", "library_name: transformers", f"pipeline_tag: {_PIPELINES[spec.family]}"]
    if "/" in spec.base and not spec.base.startswith(("/", ".", "~")):
        lines.append(f"base_model: {spec.base}")
    lines += [f"language: {spec.language}", "---", "", "# A student made by prompt2model", "", spec.instruction, ""]
    if spec.labels:
        lines += ["Labels: " + ", ".join(f"`{label}`" for label in spec.labels) + ".", ""]
    lines += [
        f"Base model: {spec.base} ({spec.method} fine-tuning on {len(train)} rows, {len(validation)} for validation).",
        f"Inputs are read up to {spec.max_input_tokens} tokens.",
        "",
        "| data | licence | rows |",
        "|---|---|---|",
        *_data_lines(train, validation),
        "",
        "With transformers alone, where `folder` is this folder and `text` an input:",
        "",
        "```python",
        load_code(spec).rstrip("\n"),
        "```",
        "",
        "With prompt2model:",
        "",
        "```python",
        "from prompt2model import load_predictor",
        "",
        "print(load_predictor(folder)(text).text)",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _data_lines(train: Rows, validation: Rows) -> list[str]:
    counts = count_sources(chain(train, validation))
    return [f"| {_cell(name)} | {_cell(licence)} | {rows:,} |" for (name, licence), rows in counts.items()]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

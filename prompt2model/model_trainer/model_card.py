"""The README.md of a student folder: what the model is and how it loads without prompt2model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain

from prompt2model.catalogue.source_names import count_sources
from prompt2model.predictor import StudentSpec
from prompt2model.records import Family, Rows

_LIBRARIES: Mapping[Family, str] = {"tfidf": "sklearn"}
_PIPELINES = {
    "tfidf": "text-classification",
    "embedding": "text-classification",
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

_WEIGH = """\
import json
from pathlib import Path

from safetensors.numpy import load_file
from scipy.sparse import hstack
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer

labels = json.loads(Path(folder, "prompt2model.json").read_text(encoding="utf-8"))["labels"]
saved = load_file(Path(folder, "model.safetensors"))
features, start = [], 0
for block in json.loads(Path(folder, "vocabulary.json").read_text(encoding="utf-8"))["blocks"]:
    vectorizer = TfidfVectorizer(
        analyzer=block["analyzer"],
        ngram_range=(block["shortest"], block["longest"]),
        vocabulary={{term: number for number, term in enumerate(block["terms"])}},
        sublinear_tf=True,
        token_pattern=r"(?u)\\b\\w+\\b" if block["analyzer"] == "word" else None,
        dtype="float32",
    )
    vectorizer.idf_ = saved["idf"][start : start + len(block["terms"])]
    start += len(block["terms"])
    features.append(vectorizer.transform([text]))
probabilities = softmax((hstack(features) @ saved["weights"] + saved["bias"])[0])
print(labels[int(probabilities.argmax())])
"""

_EMBED = """\
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

labels = json.loads(Path(folder, "prompt2model.json").read_text(encoding="utf-8"))["labels"]
tokenizer = AutoTokenizer.from_pretrained(folder)
encoder = AutoModel.from_pretrained(folder)
head = load_file(Path(folder, "head.safetensors"))
inputs = tokenizer(text, truncation=True, max_length={max_input_tokens}, return_tensors="pt")
with torch.inference_mode():
    vector = encoder(**inputs).last_hidden_state.mean(dim=1)
    scores = torch.nn.functional.normalize(vector, dim=-1) @ head["weights"] + head["bias"]
print(labels[int(scores.argmax())])
"""

_CHOOSE = """\
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
inputs = tokenizer(
    [text] * len(choices),
    choices,
    truncation="only_first",
    max_length={max_input_tokens},
    padding=True,
    return_tensors="pt",
)
with torch.inference_mode():
    probabilities = model(**inputs).logits[:, 0].softmax(-1)
print(choices[int(probabilities.argmax())])
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

_NEEDED: Mapping[Family, str] = {"tfidf": "scikit-learn and safetensors"}
_CODE = {"tfidf": _WEIGH, "embedding": _EMBED, "encoder": _CLASSIFY, "encoder_decoder": _WRITE, "decoder": _CONTINUE}

_FOUR_BITS = """\
four_bits = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.bfloat16,
)
"""
CARD_FILE = "README.md"


def load_code(spec: StudentSpec) -> str:
    """Python that answers `text` with the student in `folder`, without prompt2model."""
    code = _code(spec) if spec.adapter_of is None else _adapter_code(spec)
    return code.format(
        max_input_tokens=spec.max_input_tokens,
        max_new_tokens=spec.max_new_tokens,
        input_format=json.dumps(spec.input_format),
    )


def _code(spec: StudentSpec) -> str:
    if _chooses(spec):
        return _CHOOSE if spec.evidence is None else _CHOOSE.replace("[text] * len(choices)", "texts")
    return _CODE[spec.family]


def _adapter_code(spec: StudentSpec) -> str:
    """The family's code, with the base loaded and the adapter of `folder` put on it."""
    imports, _, rest = _code(spec).partition("\n\n")
    loader = next(word for word in imports.replace(",", " ").split() if word.startswith("AutoModel"))
    four = spec.method == "qlora"
    arguments = [json.dumps(spec.base)]
    arguments += [f"num_labels={len(spec.labels) or 1}"] if spec.family == "encoder" else []
    arguments += ["quantization_config=four_bits"] if four else []
    loading = (
        (_FOUR_BITS if four else "")
        + f"base = {loader}.from_pretrained({', '.join(arguments)})\n"
        + "model = PeftModel.from_pretrained(base, folder)"
    )
    lines = set(imports.splitlines()) | {"from peft import PeftModel"}
    if four:
        lines = {line.replace("AutoTokenizer", "AutoTokenizer, BitsAndBytesConfig") for line in lines} | {
            "import torch"
        }
    ordered = sorted(lines, key=lambda line: (line.startswith("from"), line))
    loading = loading.replace("{", "{{").replace("}", "}}")
    return "\n".join(ordered) + "\n\n" + rest.replace(f"model = {loader}.from_pretrained(folder)", loading)


def merged_card(card: str, adapter: StudentSpec, plain: StudentSpec) -> str:
    """The card of an adapter's folder as that of the merged student."""
    return (
        card.replace(load_code(adapter).rstrip("\n"), load_code(plain).rstrip("\n"))
        .replace(_library(adapter), _library(plain))
        .replace("With transformers and peft,", "With transformers alone,")
    )


def _library(spec: StudentSpec) -> str:
    return f"library_name: {_LIBRARIES.get(spec.family, 'transformers') if spec.adapter_of is None else 'peft'}"


def model_card(spec: StudentSpec, train: Rows, validation: Rows) -> str:
    """The text of README.md; it says where the rows came from and under which licences."""
    lines = ["---", _library(spec), f"pipeline_tag: {_pipeline(spec)}"]
    if "/" in spec.base and not spec.base.startswith(("/", ".", "~")):
        lines.append(f"base_model: {spec.base}")
    lines += [f"language: {spec.language}", "---", "", "# A student made by prompt2model", "", spec.instruction, ""]
    if spec.labels:
        lines += ["Labels: " + ", ".join(f"`{label}`" for label in spec.labels) + ".", ""]
    lines += [
        f"{_origin(spec)} {len(train)} rows, {len(validation)} for validation).",
        *_evidence_line(spec),
        f"Inputs are read up to {spec.max_input_tokens} tokens." if spec.max_input_tokens else "Inputs are read whole.",
        "",
        "| data | licence | rows |",
        "|---|---|---|",
        *_data_lines(train, validation),
        "",
        f"With {_needed(spec)}, where `folder` is this folder and {_given(spec)}:",
        "",
        "```python",
        load_code(spec).rstrip("\n"),
        "```",
        "",
        "With prompt2model:",
        "",
        "```python",
        *_package_code(spec),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _needed(spec: StudentSpec) -> str:
    """What else a reader of the folder needs, in words."""
    if spec.adapter_of is not None:
        return "transformers and peft"
    return f"{_NEEDED.get(spec.family, 'transformers')} alone"


def _given(spec: StudentSpec) -> str:
    if _chooses(spec) and spec.evidence is not None:
        return (
            "`choices` the choices of an input and `texts` the input once for each, with what was found for that "
            "choice after it, below a line `Evidence:`"
        )
    if _chooses(spec):
        return "`text` an input (with evidence after it, below a line `Evidence:`), `choices` its choices"
    return "`text` an input"


def _evidence_line(spec: StudentSpec) -> list[str]:
    if spec.evidence is None:
        return []
    return [f"Beside every choice it reads passages that BM25 finds for it ({spec.evidence.passages:,} in training)."]


def _package_code(spec: StudentSpec) -> list[str]:
    if spec.kind != "multiple_choice":
        return ["from prompt2model import load_predictor", "", "print(load_predictor(folder)(text).text)"]
    item = "text, choices=tuple(choices)" + (", evidence=tuple(passages)" if spec.evidence is not None else "")
    return [
        "from prompt2model import load_predictor",
        "from prompt2model.records import Item",
        "",
        f"print(load_predictor(folder)(Item({item})).text)",
    ]


def _chooses(spec: StudentSpec) -> bool:
    return spec.family == "encoder" and spec.kind == "multiple_choice"


def _pipeline(spec: StudentSpec) -> str:
    return "multiple-choice" if _chooses(spec) else _PIPELINES[spec.family]


def _origin(spec: StudentSpec) -> str:
    if spec.family == "tfidf":
        return "A logistic regression on TF-IDF weights of words and of characters within words (trained on"
    if spec.family == "embedding":
        return f"A logistic regression on the vectors of {spec.base}, which is as it was (trained on"
    return f"Base model: {spec.base} ({spec.method} fine-tuning on"


def _data_lines(train: Rows, validation: Rows) -> list[str]:
    counts = count_sources(chain(train, validation))
    return [f"| {_cell(name)} | {_cell(licence)} | {rows:,} |" for (name, licence), rows in counts.items()]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

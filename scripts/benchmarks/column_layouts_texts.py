"""Data sets of questions, code and texts in the columns that their original files have; the instructions are ours."""

from __future__ import annotations

from column_noise import Noise
from column_tables import Columns, Layout, Row

SQUAD = "Read the context and answer the question with words from it, as short as possible."
CODE = "Write the line of Python that does what the sentence says. Give code only."
DATES = (
    "Find every expression of time in a post and write it with its date, as `expression == date`, divided by ` | `; "
    "the date of the post stands at its beginning."
)
MEDICAL = "Answer a question from an entrance examination in medicine. Choose one of the four options."
CASES = "Read the description of a patient and choose the right option."
PUBMED = "Read the abstract and answer the question that the study asks. Answer with one of: yes, no, maybe."
PATIENTS = "Answer a patient's question about an illness, in a few clear sentences."
SUMS = "Solve the sum step by step. Put the final number on the last line, after ####."
WORDS = "Put the words in alphabetical order."
CALENDAR = "Work out the date that is asked for and name the right option."
SARCASM = "Which of the two statements is meant sarcastically? Name the option."


def _squad(row: Row, noise: Noise) -> Columns | None:
    asked = row["qas"][noise.number % len(row["qas"])]
    answers = {"text": asked["answers"]["text"], "answer_start": asked["answers"]["answer_start"]}
    return {
        "id": noise.key(24),
        "title": row["title"],
        "context": row["context"],
        "question": asked["question"],
        "answers": answers,
    }


def _squad_shown(row: Row) -> tuple[str, str]:
    asked = row["qas"][0]
    return f"Question: {asked['question']} Context: {row['context']}", asked["answers"]["text"][0]


def _conala(row: Row, noise: Noise) -> Columns:
    names = ("intent", "rewritten_intent", "snippet", "question_id")
    return {name: row[name] for name in names}


def _conala_mined(row: Row, noise: Noise) -> Columns:
    post = {
        "question_id": row["question_id"],
        "parent_answer_post_id": noise.integer(1000, 900_000),
        "prob": noise.score(),
    }
    return {
        **post,
        "snippet": row["snippet"],
        "intent": row["rewritten_intent"],
        "id": f"{row['question_id']}_{noise.number}",
    }


def _code_shown(row: Row) -> tuple[str, str]:
    return row["rewritten_intent"], row["snippet"].strip()


def _temporal(row: Row, noise: Noise) -> Columns:
    return {
        "tweet_id": noise.integer(10**17, 10**18),
        "lang": "en",
        "text": row["input"],
        "annotation": row["output"],
        "favorites": noise.integer(0, 30, "likes"),
    }


def _pair_shown(row: Row) -> tuple[str, str]:
    return row["input"], row.get("output", row.get("target"))


def _medmcqa(row: Row, noise: Noise) -> Columns:
    names = ("id", "question", "opa", "opb", "opc", "opd", "cop", "choice_type", "exp", "subject_name", "topic_name")
    return {name: row[name] for name in names}


def _options(options: dict[str, str]) -> str:
    return "\n".join(f"{mark}) {text}" for mark, text in options.items())


def _medmcqa_shown(row: Row) -> tuple[str, str]:
    options = dict(zip("ABCD", (row["opa"], row["opb"], row["opc"], row["opd"]), strict=True))
    return f"{row['question']}\n{_options(options)}", "ABCD"[row["cop"] - 1]


def _medqa(row: Row, noise: Noise) -> Columns:
    return {
        "question": f"{' '.join(row['context'])} {row['question']}",
        "answer": row["answer"],
        "options": row["options"],
        "meta_info": noise.one_of(("step1", "step2&3")),
        "answer_idx": row["answer_idx"],
        "metamap_phrases": [fact.split(". ", 1)[-1] for fact in row["facts"][:5]],
    }


def _medqa_shown(row: Row) -> tuple[str, str]:
    return f"{' '.join(row['context'])} {row['question']}\n{_options(row['options'])}", row["answer_idx"]


def _pubmed(row: Row, noise: Noise) -> Columns:
    context = {
        "contexts": row["CONTEXTS"],
        "labels": row["LABELS"],
        "meshes": row["MESHES"],
        "reasoning_required_pred": [row["reasoning_required_pred"]],
    }
    answer = {"long_answer": row["LONG_ANSWER"], "final_decision": row["final_decision"]}
    return {"pubid": int(row["pmid"]), "question": row["QUESTION"], "context": context, **answer}


def _pubmed_shown(row: Row) -> tuple[str, str]:
    return f"Abstract: {' '.join(row['CONTEXTS'])}\nQuestion: {row['QUESTION']}", row["final_decision"]


def _medquad(row: Row, noise: Noise) -> Columns:
    kind = noise.one_of(("information", "symptoms", "treatment"))
    return {
        "document_id": row["id"],
        "focus_area": row["focus"],
        "qtype": kind,
        "Question": row["question"],
        "Answer": row["text"],
    }


def _gsm8k(row: Row, noise: Noise) -> Columns:
    return {"question": row["question"], "answer": row["answer"]}


def _gsm8k_wide(row: Row, noise: Noise) -> Columns:
    final = row["answer"].rsplit("#### ", 1)[-1]
    return {
        "idx": noise.number,
        "level": noise.integer(1, 5),
        "problem": row["question"],
        "solution": row["answer"],
        "final_answer": final,
    }


def _bbh(row: Row, noise: Noise) -> Columns:
    return {"task": row["task"], "input": row["input"], "target": row["target"]}


def _generated(row: Row, noise: Noise) -> Columns:
    call = {
        "model": "gpt-3.5-turbo",
        "temperature": noise.score(),
        "tokens": noise.integer(20, 900),
        "created": noise.stamp(),
    }
    return {**call, "input_col": row["input_col"], "output_col": row["output_col"]}


def _generated_shown(row: Row) -> tuple[str, str]:
    return row["input_col"], row["output_col"]


_OPTIONS = ("opa", "opb", "opc", "opd")
_LETTERS = ("options.A", "options.B", "options.C", "options.D")
_BBH = "reason/bbh_3tasks"

TEXTS = (
    Layout(
        "squad",
        "paper/squad11_train.paragraphs",
        _squad,
        ("question", "context"),
        ("answers.text",),
        "parquet",
        SQUAD,
        _squad_shown,
    ),
    Layout(
        "conala",
        "paper/conala_train_en",
        _conala,
        ("rewritten_intent",),
        ("snippet",),
        "jsonl",
        CODE,
        _code_shown,
        where=lambda row: bool(row["rewritten_intent"]),
    ),
    Layout(
        "conala_mined",
        "paper/conala_train_en",
        _conala_mined,
        ("intent",),
        ("snippet",),
        "jsonl",
        CODE,
        _code_shown,
        where=lambda row: bool(row["rewritten_intent"]),
    ),
    Layout(
        "mconala_es",
        "paper/mconala_es",
        _conala,
        ("rewritten_intent",),
        ("snippet",),
        "jsonl",
        CODE,
        _code_shown,
        where=lambda row: bool(row["rewritten_intent"]),
    ),
    Layout(
        "mconala_ja",
        "paper/mconala_ja_dev",
        _conala,
        ("rewritten_intent",),
        ("snippet",),
        "jsonl",
        CODE,
        _code_shown,
        where=lambda row: bool(row["rewritten_intent"]),
    ),
    Layout(
        "temporal",
        "paper/temporal_dev",
        _temporal,
        ("text",),
        ("annotation",),
        "csv",
        DATES,
        _pair_shown,
        where=lambda row: bool(row["output"].strip()),
    ),
    Layout(
        "medmcqa",
        "med/medmcqa_val_3000",
        _medmcqa,
        ("question",),
        ("cop",),
        "jsonl",
        MEDICAL,
        _medmcqa_shown,
        choices=_OPTIONS,
    ),
    Layout(
        "medqa",
        "med/medqa_us_dev1272",
        _medqa,
        ("question",),
        ("answer", "answer_idx"),
        "jsonl",
        CASES,
        _medqa_shown,
        choices=_LETTERS,
    ),
    Layout(
        "pubmedqa",
        "med/pubmedqa_500",
        _pubmed,
        ("context.contexts", "question"),
        ("final_decision",),
        "jsonl",
        PUBMED,
        _pubmed_shown,
    ),
    Layout(
        "medquad",
        "med/corpus_medquad",
        _medquad,
        ("Question",),
        ("Answer",),
        "csv",
        PATIENTS,
        lambda row: (row["question"], row["text"]),
        where=lambda row: 0 < len(row["text"]) < 600,
    ),
    Layout(
        "gsm8k",
        "reason/gsm8k_train",
        _gsm8k,
        ("question",),
        ("answer",),
        "parquet",
        SUMS,
        lambda row: (row["question"], row["answer"]),
    ),
    Layout(
        "gsm8k_wide",
        "reason/gsm8k_test",
        _gsm8k_wide,
        ("problem",),
        ("solution",),
        "csv",
        SUMS,
        lambda row: (row["question"], row["answer"]),
    ),
    Layout(
        "word_sorting",
        _BBH,
        _bbh,
        ("input",),
        ("target",),
        "jsonl",
        WORDS,
        _pair_shown,
        where=lambda row: row["task"] == "word_sorting",
    ),
    Layout(
        "date_understanding",
        _BBH,
        _bbh,
        ("input",),
        ("target",),
        "jsonl",
        CALENDAR,
        _pair_shown,
        where=lambda row: row["task"] == "date_understanding",
    ),
    Layout(
        "snarks",
        _BBH,
        _bbh,
        ("input",),
        ("target",),
        "csv",
        SARCASM,
        _pair_shown,
        where=lambda row: row["task"] == "snarks",
    ),
    Layout(
        "generated_squad",
        "teacher/gpt35_generated_SQuAD",
        _generated,
        ("input_col",),
        ("output_col",),
        "jsonl",
        SQUAD,
        _generated_shown,
    ),
    Layout(
        "generated_python",
        "teacher/gpt35_generated_jp2python",
        _generated,
        ("input_col",),
        ("output_col",),
        "csv",
        CODE,
        _generated_shown,
    ),
    Layout(
        "generated_dates",
        "teacher/gpt35_generated_normalization",
        _generated,
        ("input_col",),
        ("output_col",),
        "csv",
        DATES,
        _generated_shown,
    ),
)

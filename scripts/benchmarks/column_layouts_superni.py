"""The 36 Super-NI tasks as the tables that they were made from, as these data sets are known on the hub.

A layout says which columns a row of the data has and which of them are the input and the output. Where the original
table lacks what the task asks for, a column of the same manner is added. The prompt is the task's own definition,
read at run time. Written before the proposal of columns was measured with it.
"""

from __future__ import annotations

import re

from column_noise import Noise
from column_tables import Columns, Layout, Row


def _parts(pattern: str, row: Row) -> tuple[str, ...] | None:
    found = re.fullmatch(pattern, row["input"].strip(), re.DOTALL)
    return tuple(part.strip() for part in found.groups()) if found else None


def _out(row: Row) -> str:
    return str(row["output"][0]).strip()


def _ni(row: Row, noise: Noise) -> Columns:
    """The layout of the instruction collections: everything beside a constant definition."""
    return {
        "id": f"{noise.table}-{noise.key()}",
        "task_name": noise.table,
        "definition": "Solve the task that is described by its name.",
        "inputs": row["input"],
        "targets": _out(row),
    }


def _trec_fi(row: Row, noise: Noise) -> Columns:
    return {"text": row["input"], "coarse_label": _out(row), "fine_label": noise.integer(0, 49), "lang": "fi"}


def _webquestions(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"käsite: (.*?) kysymys: (.*)", row)
    if parts is None:
        return None
    topic, question = parts
    answers = [one.strip(" '\"") for one in _out(row).strip("[]").split("', '")]
    return {"url": noise.url("www.example.com"), "topic": topic, "question": question, "answers": answers}


def _disfl(row: Row, noise: Noise) -> Columns:
    return {
        "squad_v2_id": noise.key(24),
        "original question": _out(row),
        "disfluent question": row["input"],
        "context": noise.paragraph(),
        "title": noise.one_of(("Normans", "Oxygen", "Steam_engine", "Rhine", "Harvard_University")),
        "answers": {"text": [noise.paragraph().split(".")[0].split(",")[0]], "answer_start": [noise.integer(0, 600)]},
    }


def _asset(row: Row, noise: Noise) -> Columns:
    return {"original": row["input"], "simplifications": row["output"]}


def _ted(row: Row, noise: Noise) -> Columns:
    translation = {"gl": row["input"], "ja": _out(row)}
    return {"translation": translation, "talk_name": f"speaker_{noise.integer(1, 60)}_2009"}


def _scan(row: Row, noise: Noise) -> Columns:
    return {"commands": _out(row), "actions": row["input"]}


def _country(row: Row, noise: Noise) -> Columns:
    return {
        "Country name": row["input"],
        "Alpha-2 code": _out(row),
        "Numeric code": noise.integer(4, 894),
        "ISO 3166-2": f"ISO 3166-2:{_out(row)}",
        "Independent": noise.one_of(("Yes", "Yes", "No")),
    }


def _msr(row: Row, noise: Noise) -> Columns:
    return {
        "source_id": f"cna_{noise.key(6)}",
        "domain": noise.one_of(("Newswire", "Letters", "Journal", "Nonfiction")),
        "source_text": row["input"],
        "targets": {
            "compressed_text": row["output"],
            "judge_id": [noise.annotator()],
            "num_ratings": [noise.integer(1, 9)],
        },
    }


def _amazon(row: Row, noise: Noise) -> Columns:
    words = re.findall(r"[A-Za-z]{4,}", row["input"])[:4]
    return {
        "marketplace": "US",
        "customer_id": noise.integer(10_000_000, 53_000_000),
        "review_id": f"R{noise.key(13).upper()}",
        "product_id": f"B0{noise.key(8).upper()}",
        "product_parent": noise.integer(100_000_000, 999_999_999, "parent"),
        "product_title": " ".join(words).title() or "Travel Mug",
        "product_category": noise.one_of(("PC", "Baby", "Kitchen", "Toys")),
        "star_rating": noise.integer(1, 5, "stars"),
        "helpful_votes": noise.integer(0, 12, "helpful"),
        "total_votes": noise.integer(0, 20, "votes"),
        "vine": "N",
        "verified_purchase": noise.one_of(("Y", "Y", "N"), "verified"),
        "review_headline": _out(row),
        "review_body": row["input"],
        "review_date": noise.day(),
    }


def _qqp(row: Row, noise: Noise) -> Columns:
    label = noise.integer(0, 1)
    return {"question1": row["input"], "question2": _out(row), "label": label, "idx": noise.number}


def _sent_comp(row: Row, noise: Noise) -> Columns:
    return {
        "doc_id": f"http://news.example.net/{noise.key(8)}",
        "headline": " ".join(noise.other().split()[:7]),
        "compression_ratio": noise.score(),
        "graph": {"id": noise.number, "sentence": row["input"]},
        "compression": {"text": _out(row), "edge": [noise.integer(0, 9)]},
    }


def _xlsum(row: Row, noise: Noise) -> Columns:
    return {
        "id": f"uk-{noise.integer(10_000_000, 59_000_000)}",
        "url": noise.url("www.example.co.uk"),
        "title": _out(row),
        "summary": row["input"],
        "text": f"{noise.paragraph()} {noise.other()}",
    }


def _dart(row: Row, noise: Noise) -> Columns:
    return {
        "source": noise.one_of(("WikiSQL_decl_sents", "webnlg", "e2e")),
        "subject": _out(row),
        "predicate": noise.one_of(("LOCATION", "COUNTRY", "LEADER_NAME", "BIRTH_PLACE"), "predicate"),
        "text": row["input"],
        "subtree_was_extended": noise.one_of(("true", "false"), "extended"),
    }


def _odd(row: Row, noise: Noise) -> Columns:
    return {"set_id": noise.number, "annotator": noise.annotator(), "words": row["input"], "odd": _out(row)}


def _ro_sts(row: Row, noise: Noise) -> Columns:
    return {"translation": {"en": _out(row), "ro": row["input"]}}


def _ade(row: Row, noise: Noise) -> Columns:
    text = row["input"]
    return {
        "text": text,
        "drug": _out(row),
        "effect": " ".join(text.rstrip(". ").split()[-2:]),
        "indexes": {"drug": {"start_char": [text.find(_out(row))]}, "effect": {"start_char": [noise.integer(0, 90)]}},
    }


def _antonym(row: Row, noise: Noise) -> Columns:
    synset = f"{row['input']}.a.0{noise.integer(1, 4)}"
    return {"synset": synset, "pos": "a", "word": row["input"], "antonym": _out(row), "count": noise.integer(0, 9)}


def _jfleg(row: Row, noise: Noise) -> Columns:
    return {"sentence": row["input"], "corrections": row["output"]}


def _smcalflow(row: Row, noise: Noise) -> Columns:
    return {
        "dialogue_id": noise.key(8),
        "turn_index": noise.integer(0, 5),
        "user_utterance": {"original_text": row["input"], "tokens": row["input"].split()},
        "agent_utterance": {"original_text": _out(row), "described_entities": []},
        "lispress": f'(Yield :output (Find :key "{noise.key(5)}"))',
    }


def _openpi(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"entity: (.*?)\nbefore: (.*?)\nafter: (.*?)\nattr: (.*)", row)
    if parts is None:
        return None
    named = dict(zip(("entity", "before", "after", "attr"), parts, strict=True))
    return {"topic": "wikiHow", "question_id": noise.url(), **named, "sentence": _out(row)}


def _ljspeech(row: Row, noise: Noise) -> Columns:
    name = f"LJ0{noise.integer(10, 50)}-0{noise.integer(100, 300, 'clip')}"
    return {"id": name, "file": f"wavs/{name}.wav", "text": _out(row), "normalized_text": row["input"]}


_NLI = ("entailment", "neutral", "contradiction")


def _snli(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"Sentence 1: (.*?) Sentence 2: (.*)", row)
    if parts is None:
        return None
    return {"premise": parts[0], "hypothesis": parts[1], "label": ("E", "N", "C").index(_out(row))}


def _roc(row: Row, noise: Noise) -> Columns | None:
    sentences = "".join(rf" Sentence {number}: (.*?)" for number in range(1, 6))
    parts = _parts(rf"Title: (.*?)\.?{sentences}", row)
    if parts is None:
        return None
    names = ("storytitle", *(f"sentence{number}" for number in range(1, 6)))
    return {"storyid": noise.key(16), **dict(zip(names, parts, strict=True)), "order": _out(row)}


def _clariq(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"Query: (.*?)\s*\n Clarification: (.*)", row)
    if parts is None:
        return None
    return {
        "topic_id": noise.integer(1, 293),
        "initial_request": parts[0],
        "clarification_need": noise.integer(1, 4, "need"),
        "question_id": f"Q0{noise.integer(1000, 4000, 'question')}",
        "question": parts[1],
        "relevant": _out(row),
    }


def _tellmewhy(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"(.*)\n(Why .*)", row)
    if parts is None:
        return None
    return {
        "narrative": parts[0],
        "question": parts[1],
        "original_sentence_for_question": parts[0].split(". ")[0].rstrip(".") + ".",
        "narrative_lexical_overlap": noise.score(),
        "is_ques_answerable": noise.one_of(("Answerable", "Not Answerable")),
        "answer": _out(row),
        "question_meta": f"rocstories_{noise.integer(10_000, 60_000)}_sentence_0_question_0",
    }


def _circa(row: Row, noise: Noise) -> Columns:
    return {
        "context": noise.one_of(
            ("X wants to know about Y's food preferences.", "Y has just travelled.", "X and Y are colleagues.")
        ),
        "question-X": row["input"],
        "canquestion-X": f"i am asking you whether {row['input'].rstrip('?').lower()} .",
        "answer-Y": _out(row),
        "judgements": "Yes#Yes#Yes#Probably yes#Yes",
        "goldstandard1": noise.integer(-1, 7, "one"),
        "goldstandard2": noise.integer(-1, 4, "two"),
    }


def _sciq(row: Row, noise: Noise) -> Columns:
    wrong = {f"distractor{number}": noise.other(number) for number in (3, 1, 2)}
    return {"question": row["input"], **wrong, "correct_answer": _out(row), "support": noise.paragraph()}


def _conllpp(row: Row, noise: Noise) -> Columns:
    tokens = row["input"].split()
    tags = [noise.rng(f"tag {place}").choice((0, 0, 0, 3, 5)) for place in range(len(tokens))]
    pos = [noise.rng(f"pos {place}").choice((11, 21, 38, 7)) for place in range(len(tokens))]
    text = {"text": row["input"], "tagged_text": _out(row)}
    return {"id": str(noise.number), "tokens": tokens, "pos_tags": pos, "ner_tags": tags, **text}


def _wiki_auto(row: Row, noise: Noise) -> Columns:
    return {
        "article_title": _out(row),
        "article_url": noise.url("en.example.org"),
        "sentence_id": f"0_{noise.number}_0-0",
        "sentence": row["input"],
    }


def _perspectrum(row: Row, noise: Noise) -> Columns | None:
    parts = _parts(r"claim: (.*?)\n perspective: (.*)", row)
    if parts is None:
        return None
    stance = _out(row).upper()
    return {
        "claim_id": noise.integer(1, 900),
        "claim": parts[0],
        "perspective": parts[1],
        "source": noise.one_of(("perspectrum", "ibm_debater", "arguana")),
        "stance_label_5": noise.one_of((stance, f"MILDLY_{stance}")),
        "stance_label_3": stance,
        "evidence": [noise.integer(1, 8000, "evidence")],
    }


def _math(row: Row, noise: Noise) -> Columns:
    module = noise.one_of(("arithmetic__mixed", "numbers__gcd", "measurement__conversion"))
    return {"module": module, "difficulty": noise.integer(1, 3), "question": row["input"], "answer": _out(row)}


def _freebase(row: Row, noise: Noise) -> Columns:
    return {
        "Question-ID": f"FreebaseQA-train-{noise.number}",
        "RawQuestion": row["input"],
        "ProcessedQuestion": re.sub(r"[^\w ]", "", row["input"]).lower(),
        "InferentialChain": f"{_out(row)}.{noise.one_of(('person.name', 'work.title', 'place.near'))}",
        "Domain": _out(row),
        "AnswersMid": f"m.0{noise.key(5)}",
    }


def _yelp(row: Row, noise: Noise) -> Columns:
    return {"negative": row["input"], "positive": row["output"], "sentiment": 0, "business_id": noise.key(22)}


def _e2e(row: Row, noise: Noise) -> Columns:
    return {"meaning_representation": row["input"], "human_reference": _out(row)}


SUPERNI = (
    Layout("trec_fi", "task1289", _trec_fi, ("text",), ("coarse_label",), "csv"),
    Layout("webquestions_fi", "task1601", _webquestions, ("topic", "question"), ("answers",), "jsonl"),
    Layout("disfl_qa_fi", "task1622", _disfl, ("disfluent question",), ("original question",), "jsonl"),
    Layout("asset", "task111", _asset, ("original",), ("simplifications",), "jsonl"),
    Layout("disfl_qa", "task1195", _disfl, ("disfluent question",), ("original question",), "jsonl"),
    Layout("list_addition", "task122", _ni, ("inputs",), ("targets",), "jsonl"),
    Layout("ted_gl_ja", "task1239", _ted, ("translation.gl",), ("translation.ja",), "parquet"),
    Layout("scan", "task129", _scan, ("actions",), ("commands",), "csv"),
    Layout("country", "task1314", _country, ("Country name",), ("Alpha-2 code",), "csv"),
    Layout("msr_compression", "task1340", _msr, ("source_text",), ("targets.compressed_text",), "jsonl"),
    Layout("amazon_us_reviews", "task1342", _amazon, ("review_body",), ("review_headline",), "csv"),
    Layout("qqp", "task1345", _qqp, ("question1",), ("question2",), "parquet"),
    Layout("sentence_compression", "task1355", _sent_comp, ("graph.sentence",), ("compression.text",), "jsonl"),
    Layout("xlsum", "task1358", _xlsum, ("summary",), ("title",), "jsonl"),
    Layout("dart", "task1411", _dart, ("text",), ("subject",), "csv"),
    Layout("odd_man_out", "task142", _odd, ("words",), ("odd",), "csv"),
    Layout("ro_sts_parallel", "task1435", _ro_sts, ("translation.ro",), ("translation.en",), "jsonl"),
    Layout("ade_corpus", "task1447", _ade, ("text",), ("drug",), "jsonl"),
    Layout("antonyms", "task1508", _antonym, ("word",), ("antonym",), "csv"),
    Layout("jfleg", "task1557", _jfleg, ("sentence",), ("corrections",), "parquet"),
    Layout(
        "smcalflow",
        "task1603",
        _smcalflow,
        ("user_utterance.original_text",),
        ("agent_utterance.original_text",),
        "jsonl",
    ),
    Layout("openpi", "task1631", _openpi, ("entity", "before", "after", "attr"), ("sentence",), "csv"),
    Layout("ljspeech", "task1704", _ljspeech, ("normalized_text",), ("text",), "csv"),
    Layout(
        "snli",
        "task190",
        _snli,
        ("premise", "hypothesis"),
        ("label",),
        "parquet",
        label_names=lambda rows: {"label": _NLI},
    ),
    Layout(
        "rocstories",
        "task217",
        _roc,
        ("storytitle", "sentence1", "sentence2", "sentence3", "sentence4", "sentence5"),
        ("order",),
        "csv",
    ),
    Layout("clariq", "task227", _clariq, ("initial_request", "question"), ("relevant",), "csv"),
    Layout("tellmewhy", "task332", _tellmewhy, ("narrative", "question"), ("answer",), "jsonl"),
    Layout("circa", "task565", _circa, ("question-X",), ("answer-Y",), "csv"),
    Layout("sciq", "task591", _sciq, ("question",), ("correct_answer",), "jsonl"),
    Layout("conllpp", "task610", _conllpp, ("text",), ("tagged_text",), "parquet", same_inputs=(("tokens",),)),
    Layout("wiki_auto", "task645", _wiki_auto, ("sentence",), ("article_title",), "jsonl"),
    Layout("perspectrum", "task738", _perspectrum, ("claim", "perspective"), ("stance_label_3",), "jsonl"),
    Layout("mathematics", "task835", _math, ("question",), ("answer",), "csv"),
    Layout("freebase_qa", "task900", _freebase, ("RawQuestion",), ("Domain",), "csv"),
    Layout("yelp_style", "task927", _yelp, ("negative",), ("positive",), "jsonl"),
    Layout("e2e_nlg", "task957", _e2e, ("meaning_representation",), ("human_reference",), "csv"),
)

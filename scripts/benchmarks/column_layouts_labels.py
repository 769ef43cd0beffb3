"""Data sets with closed labels in the columns that their original files have; the instructions are ours."""

from __future__ import annotations

from column_noise import Noise
from column_tables import Columns, Layout, Row

NEWS_NAMES = {"World": "World", "Sports": "Sports", "Business": "Business", "Science or Technology": "Sci/Tech"}
TREC_NAMES = ("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM")
TREC_WORDS = ("description", "entity", "abbreviation", "human", "location", "number")
NEWS = "Sort a news item by its section. Answer with one of: World, Sports, Business, Sci/Tech."
TREC = f"Say which kind of answer a question asks for. Answer with one of: {', '.join(TREC_NAMES)}."
TREC_LONG = f"Say which kind of answer a question asks for. Answer with one of: {', '.join(TREC_WORDS)}."
BANKING = "Find out what a bank's customer wants. Answer with one of: {labels}."
CLINC = "Route a request to an assistant to the right skill. Answer with one of: {labels}."


def _news_parts(row: Row) -> tuple[str, str]:
    title, _, text = row["sentence"].removeprefix("Title: ").partition("\nText: ")
    return title.strip(), text.strip()


def _ag_news(row: Row, noise: Noise) -> Columns:
    text = " ".join(_news_parts(row))
    return {"text": text, "label": list(NEWS_NAMES).index(row["label"])}


def _ag_news_setfit(row: Row, noise: Noise) -> Columns:
    label = list(NEWS_NAMES).index(row["label"])
    return {"text": " ".join(_news_parts(row)), "label": label, "label_text": NEWS_NAMES[row["label"]]}


def _ag_news_csv(row: Row, noise: Noise) -> Columns:
    title, text = _news_parts(row)
    return {"Class Index": list(NEWS_NAMES).index(row["label"]) + 1, "Title": title, "Description": text}


def _ag_news_feed(row: Row, noise: Noise) -> Columns:
    title, text = _news_parts(row)
    return {
        "source": noise.one_of(("Reuters", "AP", "AFP")),
        "url": noise.url("news.example.org"),
        "title": title,
        "image": "none",
        "category": NEWS_NAMES[row["label"]],
        "description": text,
        "rank": noise.integer(1, 9),
        "pubdate": noise.stamp(),
    }


def _news_shown(row: Row) -> tuple[str, str]:
    return " ".join(_news_parts(row)), NEWS_NAMES[row["label"]]


def _news_shown_in_parts(row: Row) -> tuple[str, str]:
    title, text = _news_parts(row)
    return f"Headline: {title}\nText: {text}", NEWS_NAMES[row["label"]]


def _numbered(rows: list[Row]) -> dict[str, tuple[str, ...]]:
    return {"label": tuple(sorted({row["label"] for row in rows}))}


def _banking_ids(row: Row, noise: Noise) -> Columns:
    return {"text": row["text"], "label": row["label"]}


def _banking_csv(row: Row, noise: Noise) -> Columns:
    return {"text": row["text"], "category": row["label"]}


def _clinc(row: Row, noise: Noise) -> Columns:
    domain = noise.one_of(("banking", "travel", "kitchen", "home", "work"))
    return {"utt_id": noise.key(10), "text": row["text"], "intent": row["label"], "domain": domain, "split": "train"}


def _shown(row: Row) -> tuple[str, str]:
    return row["text"], row["label"]


def _trec(row: Row, noise: Noise) -> Columns:
    return {"text": row["text"], "coarse_label": row["label"], "fine_label": noise.integer(0, 49)}


def _trec_setfit(row: Row, noise: Noise) -> Columns:
    names = {"label_text": TREC_WORDS[row["label"]], "label_fine": noise.integer(0, 49)}
    return {
        "text": row["text"],
        "label": row["label"],
        **names,
        "timestamp": noise.stamp(),
        "annotator": noise.annotator(),
    }


def _names(*names: str) -> dict[str, tuple[str, ...]]:
    return {"label": names}


_NEWS_FILE = "cls/agnews_train"

LABELLED = (
    Layout(
        "ag_news",
        _NEWS_FILE,
        _ag_news,
        ("text",),
        ("label",),
        "parquet",
        NEWS,
        _news_shown,
        lambda rows: _names(*NEWS_NAMES.values()),
    ),
    Layout(
        "ag_news_csv",
        _NEWS_FILE,
        _ag_news_csv,
        ("Title", "Description"),
        ("Class Index",),
        "csv",
        NEWS,
        _news_shown_in_parts,
    ),
    Layout(
        "ag_news_feed",
        _NEWS_FILE,
        _ag_news_feed,
        ("title", "description"),
        ("category",),
        "csv",
        NEWS,
        _news_shown_in_parts,
    ),
    Layout("ag_news_setfit", _NEWS_FILE, _ag_news_setfit, ("text",), ("label_text",), "jsonl", NEWS, _news_shown),
    Layout("banking77", "cls/banking77_train", _banking_ids, ("text",), ("label",), "csv", BANKING, _shown, _numbered),
    Layout("banking77_csv", "cls/banking77_test", _banking_csv, ("text",), ("category",), "csv", BANKING, _shown),
    Layout("clinc150", "cls/clinc150_train", _clinc, ("text",), ("intent",), "jsonl", CLINC, _shown),
    Layout(
        "trec",
        "cls/trec6_train",
        _trec,
        ("text",),
        ("coarse_label",),
        "parquet",
        TREC,
        lambda row: (row["text"], TREC_NAMES[row["label"]]),
        lambda rows: {"coarse_label": TREC_NAMES},
    ),
    Layout(
        "trec_setfit",
        "cls/trec6_train",
        _trec_setfit,
        ("text",),
        ("label_text",),
        "csv",
        TREC_LONG,
        lambda row: (row["text"], TREC_WORDS[row["label"]]),
    ),
)

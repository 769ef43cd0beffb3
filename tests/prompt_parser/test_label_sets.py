"""Label lists in instructions, as people write them; and lists that are no labels."""

from __future__ import annotations

import pytest

from prompt2model.catalogue.inline_options import read_options
from prompt2model.prompt_parser.out_of_scope import find_out_of_scope
from prompt2model.prompt_parser.task_kind import match_label, read_kind
from prompt2model.records import OUT_OF_SCOPE, Demonstration

CLOSED = [
    ("Classify the song as happy or sad.", ("happy", "sad")),
    ("Classify the plant as a tree, a shrub or a herb.", ("tree", "shrub", "herb")),
    ("Is the mail spam? Answer yes or no.", ("yes", "no")),
    ("Tell if the sentence is grammatical. Output true or false.", ("true", "false")),
    (
        "Categorise the invoice. Possible categories: travel, food, office supplies.",
        ("travel", "food", "office supplies"),
    ),
    ("Label the tweet. Labels: pro; contra; unclear", ("pro", "contra", "unclear")),
    ("Determine the priority [low|medium|high] of the ticket.", ("low", "medium", "high")),
    ('Decide whether the answer is "complete", "partial" or "missing".', ("complete", "partial", "missing")),
    ("Classify each name; valid labels are `PER`, `ORG`, and `LOC`.", ("PER", "ORG", "LOC")),
    ('Classify it. labels = ["red wine", "white wine", "rosé"]', ("red wine", "white wine", "rosé")),
    ("Classify the title.\n<labels>\nfiction\nscience\ntravel\n</labels>", ("fiction", "science", "travel")),
    ("Classify the question. Topics:\n(a) tax law\n(b) family law\n(c) work", ("tax law", "family law", "work")),
    ("Assign a class.\n\nClasses:\n\n- up\n\n- down\n\n- flat", ("up", "down", "flat")),
    ("Classify the call. The categories are:\n- fire (anything burning)\n- police (theft, fights)", ("fire", "police")),
    ("Classify the issue:\n* `bug` - it breaks\n* `idea` - it could be better\nOne label only.", ("bug", "idea")),
    ("Return 1 if the sentence is a question, 0 otherwise.", ("1", "0")),
    ("Bestimme die Stimmung des Textes (positiv/negativ/neutral).", ("positiv", "negativ", "neutral")),
    ("Klassifiziere die Anfrage. Antworte mit „dringend“ oder „normal“.", ("dringend", "normal")),
    ("Classe l'avis comme positif, négatif ou neutre.", ("positif", "négatif", "neutre")),
    (
        "Clasifica la noticia en una de estas categorías: deportes, política, cultura.",
        ("deportes", "política", "cultura"),
    ),
    ("Classifica la recensione come positiva o negativa.", ("positiva", "negativa")),
    ("文を「質問」「命令」「感嘆」に分類してください。", ("質問", "命令", "感嘆")),
    ("请判断情感，标签：正面、负面、中性。", ("正面", "负面", "中性")),
    ("Antworte mit einem von: Rechnung, Versand", ("Rechnung", "Versand")),
    ("Ordne die Mail einer der Kategorien Rechnung, Versand oder Lob zu.", ("Rechnung", "Versand", "Lob")),
    ("Clasifica el mensaje en una de las categorías pago, envío o queja.", ("pago", "envío", "queja")),
    ("Ist die Bewertung positiv, gemischt oder neutral?", ("positiv", "gemischt", "neutral")),
    ("Entscheide, ob die E-Mail Spam oder kein Spam ist.", ("Spam", "kein Spam")),
    ("Entscheide, ob es sich um Werbung oder Post handelt.", ("Werbung", "Post")),
    ("Entscheide: echt oder falsch?", ("echt", "falsch")),
    ("Is this a bug report, a wish or a question?", ("bug report", "wish", "question")),
    ("Which department: HR, IT, or Finance?", ("HR", "IT", "Finance")),
    ("Which team should answer: sales, support or legal?", ("sales", "support", "legal")),
    ("Classify the message: invoice, delivery, or refund.", ("invoice", "delivery", "refund")),
    ("Classify the mail. One of: ham, not ham.", ("ham", "not ham")),
    ("Tell me either yes or no whether the message is a complaint.", ("yes", "no")),
    ("Decide whether it is about rent, about repair or about noise.", ("rent", "repair", "noise")),
    ("Determine if it's about trains, buses or trams.", ("trains", "buses", "trams")),
    ("Classify it as good, bad, or somewhere in between (call that mixed).", ("good", "bad", "mixed")),
    ("請求、配送、返品のいずれかに分類", ("請求", "配送", "返品")),
    ("次の文章を、肯定的、否定的のどちらかに分類してください。", ("肯定的", "否定的")),
    ("次のいずれかに分類してください：予約、変更、取消。", ("予約", "変更", "取消")),
    ("将消息分为账单、物流、退货之一。", ("账单", "物流", "退货")),
    ("Luokittele viesti: laskutus, toimitus tai palautus.", ("laskutus", "toimitus", "palautus")),
    ("Onko arvostelu myönteinen vai kielteinen?", ("myönteinen", "kielteinen")),
    ("Give the review a rating from 1 to 3.", ("1", "2", "3")),
    ("Bewerte die Rezension mit 1 bis 4 Sternen.", ("1", "2", "3", "4")),
    ("Classify the review, which has 1 to 5 stars, as fair or unfair.", ("fair", "unfair")),
    ("Is this sentence grammatically correct, yes or no?", ("yes", "no")),
    ("Predict the score, 0 (worst) to 2 (best).", ("0", "1", "2")),
]

OPEN = [
    "Write a poem about rivers, lakes and oceans.",
    "Translate the sentence into French or, if it is French, into English.",
    "Extract the following fields:\n- name\n- date\n- amount",
    "Summarise the text. Rules:\n- be short\n- be polite\n- no lists",
    "Rewrite the text so that it is clear and concise.",
    "Write a product description (max. 50 words) with title, price and colour.",
    'Replace "colour" and "flavour" by their American spelling.',
    "Generate a question and its answer about the paragraph.",
    "Write a poem. Is it raining, snowing or sunny?",
    "Write a product review for a rating from 1 to 5.",
]


@pytest.mark.parametrize(("instruction", "labels"), CLOSED, ids=[labels[0] for _, labels in CLOSED])
def test_closed_sets_are_found(instruction: str, labels: tuple[str, ...]) -> None:
    reading = read_kind(instruction, instruction, ())
    assert (reading.kind, reading.labels, reading.settled) == ("classification", labels, True)


@pytest.mark.parametrize("instruction", OPEN)
def test_other_lists_are_no_labels(instruction: str) -> None:
    assert read_kind(instruction, instruction, ()).kind == "generation"


@pytest.mark.parametrize(
    ("instruction", "label"),
    [
        ("Labels: a, b. If none of these fits, answer 'out of scope'.", "out of scope"),
        ('Labels: a, b. Texts that fit no label are "Other": if none of the labels applies, say "Other".', "Other"),
        ("Labels: a, b. Otherwise answer `unknown`.", "unknown"),
        ("Anything that is out of scope gets its own label.", "out of scope"),
        ("Some messages belong to none of the categories.", ""),
        ("Classify as a or b.", None),
    ],
)
def test_out_of_scope(instruction: str, label: str | None) -> None:
    assert find_out_of_scope(instruction) == label


def test_unnamed_out_of_scope_gets_the_common_label() -> None:
    instruction = "Classify the question. Labels: rent, repair. Some questions fit none of the labels."
    assert read_kind(instruction, instruction, ()).labels == ("rent", "repair", OUT_OF_SCOPE)


def test_other_demonstration_outputs_join_the_list() -> None:
    instruction = "Classify the question. Labels: rent, repair."
    pairs = (Demonstration("a", "rent"), Demonstration("b", "repair"), Demonstration("c", "other"))
    assert read_kind(instruction, instruction, pairs).labels == ("rent", "repair", "other")


ASKED = [
    "Classify the text as glad, sad or hard to tell.",
    "Sort into glad, sad, or whatever fits.",
    "Decide if the item is in stock or out of stock.",
    "Sort the words into alphabetical order: first, second and third.",
    "Classify the message. Examples:\ncamel: lives in the desert\nwhale: swims in the ocean",
]


@pytest.mark.parametrize("instruction", ASKED)
def test_lists_that_are_not_read_for_certain_are_asked(instruction: str) -> None:
    reading = read_kind(instruction, instruction, ())
    assert (reading.kind, reading.settled) == ("classification", False)


PARTIAL = [
    ("Ordne die Mail einer der Kategorien glad, sad oder wütend zu.", ("glad", "sad", "wütend")),
    ("次のいずれかに分類してください：glad、sad、怒り。", ("glad", "sad", "怒り")),
    ("Classify the text as glad, sad, or somewhere in between (call that mixed).", ("glad", "sad", "mixed")),
    ("Decide whether it is about glad, about sad or about mad.", ("glad", "sad", "mad")),
    ("Is the mood glad, sad or mixed?", ("glad", "sad", "mixed")),
    ("Classify the mood as glad or sad, depending on the tone.", ("glad", "sad")),
    ("Classify the text; glad and sad texts come alike.", ("glad", "sad")),
    ("Classify the text as glad, sad or hard to tell.", None),
    ("Classify: glad, sad, and everything else goes to misc.", None),
    ("Classify the message: the customer is glad, sad or mad.", None),
]


@pytest.mark.parametrize(("instruction", "labels"), PARTIAL)
def test_demonstrations_of_a_part_leave_no_label_out(instruction: str, labels: tuple[str, ...] | None) -> None:
    pairs = (Demonstration("What a day", "glad"), Demonstration("It broke", "sad"))
    reading = read_kind(instruction, instruction, pairs)
    assert reading.settled == (labels is not None)
    assert reading.kind == "classification"
    if labels is not None:
        assert reading.labels == labels


def test_numbers_of_a_rating_are_asked_unless_the_prompt_gives_the_scale() -> None:
    pairs = tuple(Demonstration(text, grade) for text, grade in (("great", "5"), ("awful", "1"), ("so so", "3")))
    reading = read_kind("", "Rate the review.", pairs)
    assert (reading.kind, reading.settled) == ("classification", False)
    assert read_kind("", "", pairs).kind is None
    assert read_kind("", "Rate the review from 1 to 5 stars.", pairs).labels == ("1", "2", "3", "4", "5")
    sums = tuple(Demonstration(f"{n} + 1", str(n + 1)) for n in range(3))
    assert read_kind("", "Add the numbers.", sums).kind == "generation"
    counts = tuple(Demonstration("word " * n, str(n)) for n in (2, 3, 2, 3))
    assert read_kind("", "Count the words.", counts).kind == "generation"


def test_distinct_outputs_of_a_writing_task_are_no_labels() -> None:
    pairs = tuple(Demonstration(f"in {n}", f"out {n}") for n in range(5))
    assert read_kind("", "Turn the word around.", pairs).kind == "generation"
    repeated = (*pairs, Demonstration("in 9", "out 1"))
    assert read_kind("", "Turn the word around.", repeated).kind == "generation"


@pytest.mark.parametrize("output", ["Yes", "yes", "YES", '"yes"', "yes.", " yes "])
def test_labels_match_up_to_case_and_quotes(output: str) -> None:
    assert match_label(output, ("no", "Yes")) == "Yes"


def test_labels_do_not_match_in_part() -> None:
    assert match_label("yes and no", ("yes", "no")) is None


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Which?\n(A) red\n(B) blue", {"A": "red", "B": "blue"}),
        ("Which? A) red B) blue C) green", {"A": "red", "B": "blue", "C": "green"}),
        ("Which?\nA. red\nB. blue", {"A": "red", "B": "blue"}),
        ("Which?\n1) red\n2) blue", {"1": "red", "2": "blue"}),
        ("I gave him a 3. He liked B.", {}),
    ],
)
def test_options_of_a_question(text: str, options: dict[str, str]) -> None:
    assert read_options(text) == options

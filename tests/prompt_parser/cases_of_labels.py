"""Prompts by how they give their labels."""

from prompt_case import Case

CASES_OF_LABELS = (
    Case(
        "labels with spaces in quotes, out of scope spelled in the prompt",
        """Which topic does the reader's letter belong to? Choose one of "local politics", "public transport" and \
"culture and sport". If none of them fits, answer 'out of scope'.""",
        "classification",
        (),
        ("local politics", "public transport", "culture and sport", "out of scope"),
    ),
    Case(
        "none of the labels applies, no spelling given",
        "Classify the question of a library user. Labels: opening hours, lending, membership. "
        "Some questions belong to none of these labels.",
        "classification",
        (),
        ("opening hours", "lending", "membership", "out of scope"),
    ),
    Case(
        "slashes in brackets",
        "Classify the sentiment (positive/negative/neutral) of this tweet about trains.",
        "classification",
        (),
        ("positive", "negative", "neutral"),
    ),
    Case(
        "inline categories",
        "You are a news editor. Sort each headline into one of the following categories: politics, science & health, "
        "business, sports, arts.",
        "classification",
        (),
        ("politics", "science & health", "business", "sports", "arts"),
    ),
    Case(
        "numbered label list with dashes",
        """Read the complaint and pick the department. Departments:
1. Billing - wrong amounts, double charges
2. Logistics - late or lost parcels
3. Quality - damaged goods
Answer with the department's name only.""",
        "classification",
        (),
        ("Billing", "Logistics", "Quality"),
        notes={"Logistics": "late or lost parcels"},
    ),
    Case(
        "bold labels with explanations",
        """Categorize the commit message into one of these types:

* **feat**: a new feature
* **fix**: a bug fix
* **docs**: documentation only

Return the type.""",
        "classification",
        (),
        ("feat", "fix", "docs"),
        notes={"feat": "a new feature", "docs": "documentation only"},
    ),
    Case(
        "if and otherwise",
        'Read the e-mail. Return "urgent" if it must be answered today; otherwise return "can wait".',
        "classification",
        (),
        ("urgent", "can wait"),
    ),
    Case(
        "labels from the demonstrations alone",
        """What does the speaker want?

Utterance: wake me at seven
Intent: set_alarm

Utterance: will I need an umbrella
Intent: get_weather

Utterance: is it snowing in Oslo
Intent: get_weather

Utterance: put on some jazz
Intent: play_music

Utterance: alarm for half past six please
Intent: set_alarm
""",
        "classification",
        (
            ("wake me at seven", "set_alarm"),
            ("will I need an umbrella", "get_weather"),
            ("is it snowing in Oslo", "get_weather"),
            ("put on some jazz", "play_music"),
            ("alarm for half past six please", "set_alarm"),
        ),
        ("set_alarm", "get_weather", "play_music"),
    ),
    Case(
        "multiple choice with options in the inputs",
        """Pick the right answer to the exam question. Answer with the letter.

Question: Which gas do plants take in?
(A) oxygen
(B) carbon dioxide
(C) helium
Answer: B

Question: Which planet is the largest?
(A) Mars
(B) Venus
(C) Jupiter
Answer: C

Question: {question}
Answer:""",
        "multiple_choice",
        (
            ("Which gas do plants take in?\n(A) oxygen\n(B) carbon dioxide\n(C) helium", "B"),
            ("Which planet is the largest?\n(A) Mars\n(B) Venus\n(C) Jupiter", "C"),
        ),
    ),
    Case(
        "multiple choice by instruction alone",
        "You get a multiple-choice question from a driving test with four answer options. Name the correct option.",
        "multiple_choice",
    ),
    Case(
        "the same options in every input are labels",
        """Is the claim supported?

Claim: Cats are mammals. Options: A) yes B) no
Answer: A

Claim: Whales are fish. Options: A) yes B) no
Answer: B

Claim: Bats are birds. Options: A) yes B) no
Answer: B
""",
        "classification",
        (
            ("Cats are mammals. Options: A) yes B) no", "A"),
            ("Whales are fish. Options: A) yes B) no", "B"),
            ("Bats are birds. Options: A) yes B) no", "B"),
        ),
        ("A", "B"),
    ),
    Case(
        "labels spelled with capitals in the list only",
        """Classify the sentence as Active or Passive.

Sentence: The letter was written by Tom.
Category: passive

Sentence: Tom wrote the letter.
Category: active""",
        "classification",
        (("The letter was written by Tom.", "Passive"), ("Tom wrote the letter.", "Active")),
        ("Active", "Passive"),
    ),
)

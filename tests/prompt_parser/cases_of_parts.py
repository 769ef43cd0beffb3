"""Prompts by what else stands in them: instructions after the examples, fences, separators, long outputs."""

from prompt_case import Case

CASES_OF_PARTS = (
    Case(
        "instruction alone, generation",
        "Write a polite reply to a guest's complaint about a hotel room. Two sentences at most.",
        "generation",
        instruction="Write a polite reply to a guest's complaint about a hotel room. Two sentences at most.",
    ),
    Case(
        "instruction with a placeholder in the sentence",
        "Translate the following German sentence into English: {{sentence}}",
        "generation",
        language="de",
        instruction="Translate the following German sentence into English",
    ),
    Case(
        "long outputs of several paragraphs",
        """Write a short letter of refusal to an applicant.

Input: Maria, application as gardener
Output: Dear Maria,

thank you for your application as gardener. We have decided for another candidate.

Kind regards

Input: Jonas, application as cook
Output: Dear Jonas,

many people wanted to become our cook. This time we took another.

Kind regards

Input: Pia, application as driver
Output: Dear Pia,

our driver's post is filled. We wish you luck.

Kind regards""",
        "generation",
        (
            (
                "Maria, application as gardener",
                "Dear Maria,\n\nthank you for your application as gardener. We have decided for another candidate.\n\n"
                "Kind regards",
            ),
            (
                "Jonas, application as cook",
                "Dear Jonas,\n\nmany people wanted to become our cook. This time we took another.\n\nKind regards",
            ),
            (
                "Pia, application as driver",
                "Dear Pia,\n\nour driver's post is filled. We wish you luck.\n\nKind regards",
            ),
        ),
    ),
    Case(
        "instruction goes on after the examples",
        """You label questions to a museum.

Question: When do you close on Sundays?
Label: hours

Question: How much is a family ticket?
Label: prices

Question: Are you open at Easter?
Label: hours

Answer with the label alone, in lower case.

Question: {question}
Label:""",
        "classification",
        (
            ("When do you close on Sundays?", "hours"),
            ("How much is a family ticket?", "prices"),
            ("Are you open at Easter?", "hours"),
        ),
        ("hours", "prices"),
        instruction="You label questions to a museum.\n\nAnswer with the label alone, in lower case.",
    ),
    Case(
        "a format description is no demonstration",
        """Classify the customer's mood as calm, annoyed or furious.

Input: a message from a customer
Output: one of the three moods

Message: This is the third time I write to you!!!
Mood: furious

Message: No hurry, just wanted to ask.
Mood: calm
""",
        "classification",
        (("This is the third time I write to you!!!", "furious"), ("No hurry, just wanted to ask.", "calm")),
        ("calm", "annoyed", "furious"),
    ),
    Case(
        "windows line ends",
        "Make it plural.\r\n\r\nInput: the red house\r\nOutput: the red houses\r\n\r\nInput: a small box\r\nOutput: "
        "small boxes\r\n\r\nInput: {{x}}\r\nOutput: \r\n",
        "generation",
        (("the red house", "the red houses"), ("a small box", "small boxes")),
        instruction="Make it plural.",
    ),
    Case(
        "sql, multi-line outputs without fences",
        """Write the SQL query for the question.

Question: Which customers ordered in May?
SQL: SELECT DISTINCT customer
FROM orders
WHERE month = 5;

Question: How many orders are open?
SQL: SELECT COUNT(*)
FROM orders
WHERE status = 'open';""",
        "generation",
        (
            ("Which customers ordered in May?", "SELECT DISTINCT customer\nFROM orders\nWHERE month = 5;"),
            ("How many orders are open?", "SELECT COUNT(*)\nFROM orders\nWHERE status = 'open';"),
        ),
        instruction="Write the SQL query for the question.",
    ),
    Case(
        "examples inside one code fence",
        """Name the capital of the country.

```
Input: Norway
Output: Oslo
Input: Portugal
Output: Lisbon
Input: Kenya
Output: Nairobi
```""",
        "generation",
        (("Norway", "Oslo"), ("Portugal", "Lisbon"), ("Kenya", "Nairobi")),
        instruction="Name the capital of the country.",
    ),
    Case(
        "separators between the examples",
        """Give the film a title.
---
Plot: A baker discovers that her bread can talk.
Title: Rye Humour
---
Plot: Two rival gardeners are locked in a greenhouse overnight.
Title: The Glass Truce
---
Plot: {plot}
Title:""",
        "generation",
        (
            ("A baker discovers that her bread can talk.", "Rye Humour"),
            ("Two rival gardeners are locked in a greenhouse overnight.", "The Glass Truce"),
        ),
        instruction="Give the film a title.",
    ),
    Case(
        "quoted inputs, labels repeat",
        """Tag the search query with navigational, informational or transactional.

Query: "weather tomorrow"
Tag: informational
Query: "post office website"
Tag: navigational
Query: "buy hiking boots 42"
Tag: transactional
Query: "how to boil an egg"
Tag: informational
Query: "{query}"
Tag:""",
        "classification",
        (
            ("weather tomorrow", "informational"),
            ("post office website", "navigational"),
            ("buy hiking boots 42", "transactional"),
            ("how to boil an egg", "informational"),
        ),
        ("navigational", "informational", "transactional"),
    ),
    Case(
        "one demonstration alone",
        """Expand the abbreviation in the sentence.

Input: The mtg is on Wed.
Output: The meeting is on Wednesday.""",
        "generation",
        (("The mtg is on Wed.", "The meeting is on Wednesday."),),
        instruction="Expand the abbreviation in the sentence.",
    ),
    Case(
        "two lines under each header",
        """Fix the grammar of the sentence.

Example 1:
he go to school yesterday
He went to school yesterday.

Example 2:
me and him was late
He and I were late.
""",
        "generation",
        (
            ("he go to school yesterday", "He went to school yesterday."),
            ("me and him was late", "He and I were late."),
        ),
        instruction="Fix the grammar of the sentence.",
    ),
    Case(
        "bulleted text: label",
        """Say whether the sentence is a fact or an opinion.

Examples:
- Water boils at 100 degrees at sea level: fact
- Autumn is the finest season: opinion
- The Nile flows north: fact
- Nobody should eat pineapple on pizza: opinion""",
        "classification",
        (
            ("Water boils at 100 degrees at sea level", "fact"),
            ("Autumn is the finest season", "opinion"),
            ("The Nile flows north", "fact"),
            ("Nobody should eat pineapple on pizza", "opinion"),
        ),
        ("fact", "opinion"),
        instruction="Say whether the sentence is a fact or an opinion.",
    ),
    Case(
        "output that is a list in JSON",
        """Find all person names.

Text: Ada met Grace in London.
Names: ["Ada", "Grace"]

Text: Nobody was at home.
Names: []

Text: Where did Alan and Kurt have lunch?
Names: ["Alan", "Kurt"]

Text: {text}
Names:""",
        "generation",
        (
            ("Ada met Grace in London.", '["Ada", "Grace"]'),
            ("Nobody was at home.", "[]"),
            ("Where did Alan and Kurt have lunch?", '["Alan", "Kurt"]'),
        ),
        instruction="Find all person names.",
    ),
)

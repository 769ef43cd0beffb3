"""Prompts by how they set down their demonstrations."""

from prompt_case import Case

CASES_OF_LAYOUTS = (
    Case(
        "input and output, slot in double braces",
        """Shorten the sentence to at most five words.

Input: The committee has decided to postpone the vote until next Thursday.
Output: Committee postpones vote to Thursday

Input: Heavy rain flooded several streets in the old town last night.
Output: Rain floods old-town streets

Input: {{text}}
Output:""",
        "generation",
        (
            (
                "The committee has decided to postpone the vote until next Thursday.",
                "Committee postpones vote to Thursday",
            ),
            ("Heavy rain flooded several streets in the old town last night.", "Rain floods old-town streets"),
        ),
        instruction="Shorten the sentence to at most five words.",
    ),
    Case(
        "message and label, list with explanations, slot in braces",
        """Sort messages to our tenants' office. Labels:

- repair: something is broken in the flat or the house
- rent: payments, deposits, rises
- neighbours: noise, smells, quarrels between tenants

Message: The lift has been stuck since Monday.
Label: repair

Message: Why is my rent 40 euros higher this month?
Label: rent

Message: {message}
Label:""",
        "classification",
        (("The lift has been stuck since Monday.", "repair"), ("Why is my rent 40 euros higher this month?", "rent")),
        ("repair", "rent", "neighbours"),
        notes={"repair": "something is broken in the flat or the house", "rent": "payments, deposits, rises"},
        absent=("{message}", "The lift"),
    ),
    Case(
        "questions and answers",
        """Answer the question in one or two words.

Q: Which ocean lies between Africa and Australia?
A: Indian Ocean

Q: Who painted the ceiling of the Sistine Chapel?
A: Michelangelo

Q: What do bees collect from flowers?
A:""",
        "generation",
        (
            ("Which ocean lies between Africa and Australia?", "Indian Ocean"),
            ("Who painted the ceiling of the Sistine Chapel?", "Michelangelo"),
        ),
        instruction="Answer the question in one or two words.",
    ),
    Case(
        "text and sentiment on one line each",
        """Decide whether the restaurant review is positive or negative.

Text: The soup was cold and the waiter rude. Sentiment: negative
Text: Best dumplings in town! Sentiment: positive
Text: We waited an hour for nothing. Sentiment: negative
Text: {text} Sentiment:""",
        "classification",
        (
            ("The soup was cold and the waiter rude.", "negative"),
            ("Best dumplings in town!", "positive"),
            ("We waited an hour for nothing.", "negative"),
        ),
        ("positive", "negative"),
        instruction="Decide whether the restaurant review is positive or negative.",
    ),
    Case(
        "numbered examples with headers",
        """Correct the spelling.

Example 1:
Input: I recieved you're letter yesteday.
Output: I received your letter yesterday.

Example 2:
Input: Definately the best choise.
Output: Definitely the best choice.
""",
        "generation",
        (
            ("I recieved you're letter yesteday.", "I received your letter yesterday."),
            ("Definately the best choise.", "Definitely the best choice."),
        ),
        instruction="Correct the spelling.",
    ),
    Case(
        "markdown headings, code output in fences with blank lines",
        """Write the Python function that the comment describes.

### Input
Return the largest number of a list, or None when it is empty.
### Output
```python
def largest(numbers):
    if not numbers:
        return None

    return max(numbers)
```

### Input
Count the vowels of a word.
### Output
```python
def count_vowels(word):
    return sum(letter in "aeiou" for letter in word)
```
""",
        "generation",
        (
            (
                "Return the largest number of a list, or None when it is empty.",
                "def largest(numbers):\n    if not numbers:\n        return None\n\n    return max(numbers)",
            ),
            (
                "Count the vowels of a word.",
                'def count_vowels(word):\n    return sum(letter in "aeiou" for letter in word)',
            ),
        ),
    ),
    Case(
        "bold names",
        """Make the sentence formal.

**Input:** hey, can u send me the file?
**Output:** Could you please send me the file?

**Input:** gonna be late, sorry
**Output:** I apologise, but I shall be late.
""",
        "generation",
        (
            ("hey, can u send me the file?", "Could you please send me the file?"),
            ("gonna be late, sorry", "I apologise, but I shall be late."),
        ),
    ),
    Case(
        "json lines",
        """Extract the product and the price as JSON.

{"input": "Two kettles at 25 euros each", "output": {"product": "kettle", "price": 25}}
{"input": "A lamp for 19.90", "output": {"product": "lamp", "price": 19.9}}
""",
        "generation",
        (
            ("Two kettles at 25 euros each", '{"product": "kettle", "price": 25}'),
            ("A lamp for 19.90", '{"product": "lamp", "price": 19.9}'),
        ),
        instruction="Extract the product and the price as JSON.",
    ),
    Case(
        "json list, label first, escapes",
        """Is the comment spam? Answer "spam" or "ham".

Examples:
[
  {"label": "spam", "text": "Win a phone!!!\\nClick \\"here\\""},
  {"label": "ham", "text": "Nice photo, where was it taken?"}
]""",
        "classification",
        (('Win a phone!!!\nClick "here"', "spam"), ("Nice photo, where was it taken?", "ham")),
        ("spam", "ham"),
        instruction='Is the comment spam? Answer "spam" or "ham".',
    ),
    Case(
        "chat messages",
        """[{"role": "system", "content": "Translate the sentence into pirate speech."},
 {"role": "user", "content": "Hello, friend"},
 {"role": "assistant", "content": "Ahoy, matey"},
 {"role": "user", "content": "Where is the treasure?"},
 {"role": "assistant", "content": "Arr, where be the booty?"}]""",
        "generation",
        (("Hello, friend", "Ahoy, matey"), ("Where is the treasure?", "Arr, where be the booty?")),
        instruction="Translate the sentence into pirate speech.",
    ),
    Case(
        "markdown table",
        """Assign each ticket a priority: one of low, medium, high.

| Ticket | Priority |
|--------|----------|
| The server room is on fire | high |
| Please change the logo's colour when you have time | low |
| The printer on floor 2 jams now and then | medium |
""",
        "classification",
        (
            ("The server room is on fire", "high"),
            ("Please change the logo's colour when you have time", "low"),
            ("The printer on floor 2 jams now and then", "medium"),
        ),
        ("low", "medium", "high"),
        absent=("server", "|"),
    ),
    Case(
        "table that explains labels, then examples",
        """Classify the bug report.

| Category | Description |
|---|---|
| crash | the program stops |
| layout | something looks wrong |
| wish | a new feature is asked for |

Report: The window closes when I press save.
Category: crash

Report: Could there be a dark mode?
Category: wish
""",
        "classification",
        (("The window closes when I press save.", "crash"), ("Could there be a dark mode?", "wish")),
        ("crash", "layout", "wish"),
        notes={"crash": "the program stops", "layout": "something looks wrong"},
    ),
    Case(
        "csv with a header and quoted commas",
        """Guess the cuisine of the dish.

dish,category
"Noodles, beef, basil",Vietnamese
Cheese fondue,Swiss
"Rice, fish, seaweed",Japanese
Raclette,Swiss
""",
        "classification",
        (
            ("Noodles, beef, basil", "Vietnamese"),
            ("Cheese fondue", "Swiss"),
            ("Rice, fish, seaweed", "Japanese"),
            ("Raclette", "Swiss"),
        ),
        ("Vietnamese", "Swiss", "Japanese"),
    ),
    Case(
        "tab-separated lines",
        "Give the plural of the noun.\n\nmouse\tmice\nchild\tchildren\nox\toxen\nleaf\tleaves\n",
        "generation",
        (("mouse", "mice"), ("child", "children"), ("ox", "oxen"), ("leaf", "leaves")),
        instruction="Give the plural of the noun.",
    ),
    Case(
        "ascii arrows",
        """Convert the temperature from Celsius to Fahrenheit.
0 C -> 32 F
100 C -> 212 F
37 C -> 98.6 F
{temperature} ->""",
        "generation",
        (("0 C", "32 F"), ("100 C", "212 F"), ("37 C", "98.6 F")),
        instruction="Convert the temperature from Celsius to Fahrenheit.",
    ),
    Case(
        "arrows under a header with bullets",
        """Turn the adjective into its opposite.

Examples:
- generous → stingy
- shallow → deep
- ancient → modern
""",
        "generation",
        (("generous", "stingy"), ("shallow", "deep"), ("ancient", "modern")),
        instruction="Turn the adjective into its opposite.",
    ),
    Case(
        "fat arrows with quoted texts",
        """Rewrite the headline as a question.
"Mayor opens new bridge" => "Will the mayor's new bridge end the traffic jams?"
"Scientists find water on distant planet" => "Is there water on a distant planet?"
""",
        "generation",
        (
            ("Mayor opens new bridge", "Will the mayor's new bridge end the traffic jams?"),
            ("Scientists find water on distant planet", "Is there water on a distant planet?"),
        ),
    ),
    Case(
        "quoted pairs in a sentence",
        """Judge the tone of a short message as friendly or hostile. For example, "thanks so much, you saved my day" \
is friendly and "do your job for once" is hostile. Answer with one word.""",
        "classification",
        (("thanks so much, you saved my day", "friendly"), ("do your job for once", "hostile")),
        ("friendly", "hostile"),
        instruction="Judge the tone of a short message as friendly or hostile. Answer with one word.",
    ),
    Case(
        "xml tags with wrappers and a slot",
        """<task>Summarise the meeting note in one sentence.</task>

<examples>
<example>
<input>
We met at ten.
Anna showed the new design.
</input>
<output>Anna presented the new design at ten.</output>
</example>
<example>
<input>Budget was cut by a third. No new hires this year.</input>
<output>The budget shrinks and hiring stops.</output>
</example>
</examples>

<input>{{note}}</input>""",
        "generation",
        (
            ("We met at ten.\nAnna showed the new design.", "Anna presented the new design at ten."),
            ("Budget was cut by a third. No new hires this year.", "The budget shrinks and hiring stops."),
        ),
        absent=("{{note}}", "<example", "Budget"),
    ),
    Case(
        "premise, hypothesis, label",
        """Does the premise entail the hypothesis? Answer entailment, contradiction or neutral.

Premise: Two dogs run across a field.
Hypothesis: Animals are moving.
Label: entailment

Premise: A woman reads on a bench.
Hypothesis: The woman is asleep.
Label: contradiction

Premise: A child holds a balloon.
Hypothesis: It is the child's birthday.
Label: neutral

Premise: {premise}
Hypothesis: {hypothesis}
Label:""",
        "classification",
        (
            ("Premise: Two dogs run across a field.\nHypothesis: Animals are moving.", "entailment"),
            ("Premise: A woman reads on a bench.\nHypothesis: The woman is asleep.", "contradiction"),
            ("Premise: A child holds a balloon.\nHypothesis: It is the child's birthday.", "neutral"),
        ),
        ("entailment", "contradiction", "neutral"),
        instruction="Does the premise entail the hypothesis? Answer entailment, contradiction or neutral.",
    ),
    Case(
        "reasons between text and label are left out",
        """Classify the review as genuine or fake.

Review: Amazing product, amazing seller, amazing everything!
Reasoning: nothing concrete is said
Label: fake

Review: The zip broke after three weeks, the shop replaced it.
Reasoning: details that only a buyer knows
Label: genuine
""",
        "classification",
        (
            ("Amazing product, amazing seller, amazing everything!", "fake"),
            ("The zip broke after three weeks, the shop replaced it.", "genuine"),
        ),
        ("genuine", "fake"),
    ),
)

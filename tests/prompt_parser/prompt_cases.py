"""Prompts as people write them, each with the parts of the task that the rules must find."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A prompt and what it means. `instruction`: the exact instruction; `absent`: must not be left in it."""

    name: str
    prompt: str
    kind: str
    pairs: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()
    language: str = "en"
    instruction: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


CASES = [
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
        "german, eingabe and ausgabe",
        """Formuliere den Satz höflicher.

Eingabe: Gib mir das Salz.
Ausgabe: Könnten Sie mir bitte das Salz reichen?

Eingabe: Mach das Fenster zu, es zieht.
Ausgabe: Würden Sie bitte das Fenster schließen? Es zieht.

Eingabe: {text}
Ausgabe:""",
        "generation",
        (
            ("Gib mir das Salz.", "Könnten Sie mir bitte das Salz reichen?"),
            ("Mach das Fenster zu, es zieht.", "Würden Sie bitte das Fenster schließen? Es zieht."),
        ),
        language="de",
        instruction="Formuliere den Satz höflicher.",
    ),
    Case(
        "german classification with an inline list",
        """Ordne die Nachricht des Bürgers einer der folgenden Kategorien zu: Müll, Verkehr, Grünflächen, Sonstiges.

Nachricht: Die Tonne in der Gartenstraße wurde wieder nicht geleert.
Kategorie: Müll

Nachricht: Die Ampel am Markt ist seit gestern aus.
Kategorie: Verkehr""",
        "classification",
        (
            ("Die Tonne in der Gartenstraße wurde wieder nicht geleert.", "Müll"),
            ("Die Ampel am Markt ist seit gestern aus.", "Verkehr"),
        ),
        ("Müll", "Verkehr", "Grünflächen", "Sonstiges"),
        "de",
    ),
    Case(
        "japanese to python",
        """Write one line of Python for the Japanese description.

Japanese: リスト`a`を逆順に並べる
Python: a.reverse()

Japanese: 文字列`s`の空白を取り除く
Python: s.strip()

Japanese: 辞書`d`のキーを一覧にする
Python: list(d.keys())""",
        "generation",
        (
            ("リスト`a`を逆順に並べる", "a.reverse()"),
            ("文字列`s`の空白を取り除く", "s.strip()"),
            ("辞書`d`のキーを一覧にする", "list(d.keys())"),
        ),
        language="ja",
    ),
    Case(
        "japanese classification with full-width colons",
        """次のレビューを「満足」「不満」「どちらでもない」のいずれかに分類してください。

入力：部屋がとても清潔で、また泊まりたいです。
出力：満足

入力：朝食が冷めていて残念でした。
出力：不満

入力：{text}
出力：""",
        "classification",
        (("部屋がとても清潔で、また泊まりたいです。", "満足"), ("朝食が冷めていて残念でした。", "不満")),
        ("満足", "不満", "どちらでもない"),
        "ja",
    ),
    Case(
        "spanish",
        """Clasifica el mensaje como queja, consulta o felicitación.

Mensaje: Llevo tres semanas esperando mi pedido y nadie contesta.
Etiqueta: queja

Mensaje: ¿A qué hora abren los sábados?
Etiqueta: consulta

Mensaje: ¡Enhorabuena por la nueva tienda, es preciosa!
Etiqueta: felicitación""",
        "classification",
        (
            ("Llevo tres semanas esperando mi pedido y nadie contesta.", "queja"),
            ("¿A qué hora abren los sábados?", "consulta"),
            ("¡Enhorabuena por la nueva tienda, es preciosa!", "felicitación"),
        ),
        ("queja", "consulta", "felicitación"),
        "es",
        instruction="Clasifica el mensaje como queja, consulta o felicitación.",
    ),
    Case(
        "french",
        """Résume l'annonce en quelques mots.

Entrée : Je vends mon vélo rouge, presque neuf, avec deux sacoches.
Sortie : Vélo rouge presque neuf

Entrée : Nous cherchons une personne pour garder notre chat en août.
Sortie : Garde de chat en août""",
        "generation",
        (
            ("Je vends mon vélo rouge, presque neuf, avec deux sacoches.", "Vélo rouge presque neuf"),
            ("Nous cherchons une personne pour garder notre chat en août.", "Garde de chat en août"),
        ),
        language="fr",
    ),
    Case(
        "russian",
        """Определи тональность отзыва: положительный или отрицательный.

Отзыв: Очень вкусный кофе и приятный персонал.
Ответ: положительный

Отзыв: Ждали заказ целый час, больше не придём.
Ответ: отрицательный""",
        "classification",
        (
            ("Очень вкусный кофе и приятный персонал.", "положительный"),
            ("Ждали заказ целый час, больше не придём.", "отрицательный"),
        ),
        ("положительный", "отрицательный"),
        "ru",
    ),
    Case(
        "chinese",
        """判断下面的评论是好评还是差评。

评论：味道很好，下次还会来。
标签：好评

评论：等了一个小时，服务态度很差。
标签：差评

评论：价格实惠，分量也足。
标签：好评""",
        "classification",
        (
            ("味道很好，下次还会来。", "好评"),
            ("等了一个小时，服务态度很差。", "差评"),
            ("价格实惠，分量也足。", "好评"),
        ),
        ("好评", "差评"),
        "zh",
    ),
    Case(
        "english instruction, german inputs",
        """Translate German to English.

German: Wo ist der nächste Bahnhof?
English: Where is the nearest station?

German: Ich hätte gern einen Kaffee mit Milch.
English: I would like a coffee with milk.""",
        "generation",
        (
            ("Wo ist der nächste Bahnhof?", "Where is the nearest station?"),
            ("Ich hätte gern einen Kaffee mit Milch.", "I would like a coffee with milk."),
        ),
        language="de",
    ),
    Case(
        "emoji as labels",
        """Answer with the emoji that fits the message best.

Message: We won the match!
Answer: 🎉

Message: My cat died last night.
Answer: 😢

Message: Look at this sunset
Answer: 😍

Message: I passed the exam!
Answer: 🎉

Message: The concert was cancelled, I am so sad.
Answer: 😢
""",
        "classification",
        (
            ("We won the match!", "🎉"),
            ("My cat died last night.", "😢"),
            ("Look at this sunset", "😍"),
            ("I passed the exam!", "🎉"),
            ("The concert was cancelled, I am so sad.", "😢"),
        ),
        ("🎉", "😢", "😍"),
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
]

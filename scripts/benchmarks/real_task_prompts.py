"""The labels and prompts of the real tasks, written for this project; the data stands elsewhere."""

TREC_LABELS = ("description", "entity", "abbreviation", "human", "location", "number")
TREC_PROMPT = """Sort a question by the kind of answer that it asks for. Answer with one of these labels:

- description: a definition, a reason, a manner, an explanation
- entity: a thing, an animal, a colour, a product, a work, a language
- abbreviation: a short form or what it stands for
- human: a person, a group of people, a title
- location: a place, a city, a country, a mountain
- number: a date, a count, a distance, a price, an age

Question: Why does bread go stale faster in the fridge?
Label: description

Question: Which instrument did the street organ replace?
Label: entity

Question: What do the letters VAT mean on a bill?
Label: abbreviation

Question: Who founded the first lending library in Leeds?
Label: human

Question: Where is the longest wooden pier in Wales?
Label: location

Question: How many steps lead up to the lighthouse?
Label: number
"""
BANKING_LABELS = (
    "card_arrival", "lost_or_stolen_card", "exchange_rate", "top_up_failed", "pending_transfer", "terminate_account",
    "change_pin", "age_limit", "Refund_not_showing_up", "request_refund",
)  # fmt: skip
BANKING_PROMPT = """Sort a message to a bank's help desk by what the customer wants. Answer with one of these labels:

- card_arrival: a new card has not come yet
- lost_or_stolen_card: a card is lost or was stolen
- exchange_rate: questions on rates between currencies
- top_up_failed: adding money to the account did not work
- pending_transfer: a transfer is still waiting
- terminate_account: closing the account
- change_pin: a new PIN for the card
- age_limit: how old one must be to have an account
- Refund_not_showing_up: a refund was promised but is not on the statement
- request_refund: wants money back for a purchase

Message: They posted the card ten days ago and my letterbox is still empty.
Label: card_arrival

Message: My wallet is gone and the card was in it, what now?
Label: lost_or_stolen_card

Message: How many euros will I get for a hundred pounds with you?
Label: exchange_rate

Message: I tried to load fifty onto the account and it was rejected.
Label: top_up_failed

Message: The money I sent on Monday still says waiting.
Label: pending_transfer

Message: I want to close everything and leave your bank.
Label: terminate_account

Message: Where can I pick a different PIN?
Label: change_pin

Message: May my twelve-year-old daughter open one of these?
Label: age_limit

Message: The shop says it paid me back, yet my statement shows nothing.
Label: Refund_not_showing_up

Message: I don't want this purchase any more, please give me my money back.
Label: request_refund
"""
SUPERVISED_BANKING_PROMPT = """Sort a message to a bank's help desk by what the customer wants.
Answer with one of these labels: {labels}
"""
TEMPORAL_PROMPT = """Find every time expression in a text and write it down in a normal form. The text begins with the \
day on which it was posted. Answer with the expressions and their values as in the demonstration, divided by " | ", or \
with N/A when there is none.

Input: [Posted: 2012-03-05] we open again next Monday, see you then
Output: next Monday == 2012-03-12
"""
AGNEWS_LABELS = ("World", "Sports", "Business", "Science or Technology")
AGNEWS_PROMPT = """Sort a news item by its section. Answer with one of these labels:

- World: politics, conflicts, disasters and society anywhere in the world
- Sports: matches, results, players, clubs, leagues
- Business: companies, markets, prices, jobs, trade
- Science or Technology: research, space, software, devices, the internet

News: Coastal province votes on its own parliament. Polling stations stayed open past midnight as \
islanders queued to decide whether the capital should give up powers over schools and fishing.
Label: World

News: Late header sends harbour side into the final. A corner in the last minute was enough for the \
visitors, who had lost their goalkeeper to injury before the break.
Label: Sports

News: Tile maker cuts profit forecast. Shares in the family-run manufacturer fell \
nine percent after it warned that gas prices would eat up most of this year's earnings.
Label: Business

News: Telescope finds a moon with a tail. Astronomers say the small body loses dust as \
its orbit brings it close to the planet, much like a comet near the Sun.
Label: Science or Technology
"""
SNLI_LABELS = ("entailment", "contradiction", "neutral")
SNLI_PROMPT = """Two sentences describe the same scene. Say how the second follows from the first. Answer with one of \
these labels:

- entailment: the second sentence is certainly true when the first is
- contradiction: the second sentence cannot be true when the first is
- neutral: the second sentence may be true or not

Sentences: Sentence 1: Two women carry a ladder across the yard. Sentence 2: People are carrying something outdoors.
Label: entailment

Sentences: Sentence 1: A boy sleeps on the back seat of a bus. Sentence 2: The boy is driving the bus.
Label: contradiction

Sentences: Sentence 1: A man in an apron waits at the kitchen door. Sentence 2: The man wants to sell the house.
Label: neutral
"""

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

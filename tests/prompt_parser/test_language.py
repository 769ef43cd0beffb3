"""The language of inputs: by script, by stop words, by what the instruction says; None when nothing tells."""

from __future__ import annotations

import pytest

from prompt2model.languages import detect_language
from prompt2model.prompt_parser.language import detect_inputs_language, named_language

SENTENCES = {
    "en": "Could you tell me when the next train leaves?",
    "de": "Können Sie mir sagen, wann der nächste Zug fährt?",
    "fr": "Pouvez-vous me dire quand part le prochain train ?",
    "es": "¿Me puede decir cuándo sale el próximo tren?",
    "it": "Mi può dire quando parte il prossimo treno?",
    "pt": "Você pode me dizer quando sai o próximo trem?",
    "nl": "Kunt u mij zeggen wanneer de volgende trein vertrekt?",
    "sv": "Kan du säga mig när nästa tåg går?",
    "da": "Kan du sige mig, hvornår det næste tog kører?",
    "fi": "Voitko kertoa minulle, milloin seuraava juna lähtee? Se on myöhässä.",
    "pl": "Czy może mi pan powiedzieć, kiedy odjeżdża następny pociąg?",
    "cs": "Můžete mi říct, kdy odjíždí příští vlak?",
    "ro": "Îmi puteți spune când pleacă următorul tren?",
    "hu": "Meg tudja mondani, hogy mikor indul a következő vonat?",
    "tr": "Bir sonraki trenin ne zaman kalktığını söyler misiniz? Çok geç oldu.",
    "vi": "Bạn có thể cho tôi biết khi nào chuyến tàu tiếp theo khởi hành không?",
    "id": "Bisakah Anda memberi tahu saya kapan kereta berikutnya akan berangkat?",
    "ca": "Em pot dir quan surt el proper tren? Gràcies, és molt important per a mi.",
    "ja": "次の電車はいつ出ますか。",
    "zh": "请问下一班火车几点开？",
    "ko": "다음 기차가 언제 출발하는지 알려 주시겠어요?",
    "ru": "Скажите, пожалуйста, когда отходит следующий поезд?",
    "uk": "Скажіть, будь ласка, коли відходить наступний потяг?",
    "bg": "Можете ли да ми кажете кога тръгва следващият влак?",
    "el": "Μπορείτε να μου πείτε πότε φεύγει το επόμενο τρένο;",
    "ar": "هل يمكنك أن تخبرني متى يغادر القطار التالي؟",
    "fa": "می‌توانید به من بگویید قطار بعدی کی حرکت می‌کند؟ چه ساعتی؟",
    "he": "אתה יכול להגיד לי מתי יוצאת הרכבת הבאה?",
    "hi": "क्या आप मुझे बता सकते हैं कि अगली ट्रेन कब जाएगी?",
    "th": "ช่วยบอกได้ไหมว่ารถไฟเที่ยวต่อไปออกกี่โมง",
}


@pytest.mark.parametrize(("code", "sentence"), SENTENCES.items())
def test_a_sentence_tells_its_language(code: str, sentence: str) -> None:
    assert detect_language(sentence) == code


@pytest.mark.parametrize("text", ["", "42", "x = [1, 2]", "🎉🎉", "Angola", "A1-77 / B2", "..."])
def test_texts_that_do_not_tell(text: str) -> None:
    assert detect_language(text) is None


@pytest.mark.parametrize(
    ("instruction", "code"),
    [
        ("Translate from French into Dutch.", "fr"),
        ("Translate English to Spanish.", "en"),
        ("You get a sentence in Galician; put it into Japanese.", "gl"),
        ("Summarise the Polish newspaper article in English.", "pl"),
        ("Correct the German text.", "de"),
        ("Answer in French.", None),
        ("Write a poem.", None),
        ("日本語の文を英語に翻訳してください。", "ja"),
        ("Translate the Danish or Norwegian text into English; Danish texts and Norwegian texts both come.", None),
    ],
)
def test_languages_named_by_the_instruction(instruction: str, code: str | None) -> None:
    assert named_language(instruction) == code


def test_inputs_go_before_the_instruction() -> None:
    assert detect_inputs_language(["Wo ist mein Paket?", "Ich möchte es zurückgeben."], "Classify the message.") == "de"


def test_the_most_frequent_language_of_mixed_inputs_wins() -> None:
    inputs = [SENTENCES["es"], SENTENCES["en"], SENTENCES["es"], SENTENCES["fr"]]
    assert detect_inputs_language(inputs, "Classify the message.") == "es"


def test_inputs_without_language_leave_it_to_the_instruction() -> None:
    assert detect_inputs_language(["12:30", "7.15"], "Write the time of day in words.") == "en"
    assert detect_inputs_language(["12:30"], "Schreibe die Uhrzeit in Worten.") == "de"
    assert detect_inputs_language(["12:30"], "") is None


@pytest.mark.parametrize(
    "inputs",
    [
        ["3 May 2021", "4 May 2022", "5 May 2023"],
        ["3 May 2021", "next Friday"],
        ["at noon, 3 May", "at 10, 7 May"],
        ["no later than 3 May"],
        ["Dec 25", "3. Mai 2021"],
    ],
)
def test_one_word_of_another_language_tells_nothing(inputs: list[str]) -> None:
    assert detect_inputs_language(inputs, "Convert the date to ISO format.") == "en"


def test_short_finnish_texts() -> None:
    assert detect_language("Paketti ei ole tullut. Lasku on väärin.") == "fi"
    assert detect_inputs_language(["Laskutettiin kahdesti."], "Luokittele viesti: laskutus tai toimitus.") == "fi"

"""The words by which prompts name their parts: fields of examples, headers, cues for the kind of task.

All words are stored casefolded. Lists, not models: a word that is missing costs a question, never a wrong answer.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.replace("\n", ",").split(",") if word.strip())


INPUT_NAMES = _words(
    """
    input, inputs, text, message, question, q, query, sentence, review, tweet, email, e-mail, mail, ticket, document,
    passage, article, comment, post, source, original, user, human, customer, customer message, request, utterance,
    prompt, context, premise, hypothesis, sentence 1, title, headline, abstract, content, description, problem, word,
    phrase, statement, claim, example input, instance, before, from, dialogue, conversation, log, line, complaint,
    subject, paragraph, story, snippet, expression, intent, command, feedback, transcript, body, incorrect, wrong,
    eingabe, nachricht, frage, satz, anfrage, kunde, bewertung, rezension, beschwerde, quelle,
    entrada, texto, mensaje, pregunta, oración, frase, reseña, opinión, consulta, cliente, comentario, correo,
    entrée, texte, message du client, avis, requête, phrase source, commentaire, courriel,
    ingresso, testo, messaggio, domanda, recensione,
    mensagem, pergunta, avaliação,
    invoer, tekst, bericht, vraag, zin, recensie,
    inmatning, meddelande, fråga, mening, besked, spørgsmål, sætning, melding, spørsmål, setning,
    syöte, viesti, kysymys, lause, wejście, wiadomość, pytanie, zdanie, vstup, zpráva, otázka, věta,
    вход, текст, сообщение, вопрос, предложение, отзыв, запрос, ввод, вхід, повідомлення, питання, речення,
    giriş, girdi, metin, mesaj, soru, cümle, bemenet, üzenet, kérdés, mondat, intrare, mesaj, întrebare,
    masukan, teks, pesan, pertanyaan, kalimat, đầu vào, văn bản, câu hỏi, tin nhắn, câu,
    入力, テキスト, 質問, 文, 文章, メッセージ, レビュー, 問題, 原文, 問い, 问题, 输入, 文本, 消息, 句子, 评论,
    輸入, 訊息, 評論,
    입력, 질문, 문장, 텍스트, 메시지, 리뷰, 문제, مدخل, المدخل, النص, السؤال, نص, سؤال, קלט, שאלה, טקסט, इनपुट,
    प्रश्न, वाक्य, पाठ
    """
)

OUTPUT_NAMES = _words(
    """
    output, outputs, label, answer, a, ans, sentiment, category, class, response, reply, translation, summary, target,
    result, intent label, completion, topic, type, tag, classification, prediction, gold, expected, expected output,
    assistant, ai, bot, agent, emotion, team, department, priority, correction, corrected, paraphrase, rewrite,
    rewritten, code, python, sql, regex, solution, final answer, example output, after, to, verdict, decision, rating,
    score, language, entities, keywords, simplified, formal, headline output, normalized, normalised, iso,
    tone, polarity,
    ausgabe, antwort, kategorie, klasse, ergebnis, stimmung, übersetzung, zusammenfassung, etikett, thema,
    abteilung, titel,
    salida, respuesta, etiqueta, categoría, clase, sentimiento, traducción, resumen, resultado, tema,
    sortie, réponse, étiquette, catégorie, classe, traduction, résumé, résultat, thème,
    uscita, risposta, etichetta, categoria, sentimento, traduzione, riassunto, risultato,
    saída, resposta, rótulo, etiqueta, tradução, resumo,
    uitvoer, antwoord, categorie, klasse, vertaling, samenvatting, sentiment,
    utdata, svar, kategori, etikett, översättning, sammanfattning, oversættelse, oversettelse, kategoria,
    tulos, vastaus, luokka, käännös, wyjście, odpowiedź, etykieta, tłumaczenie, výstup, odpověď, štítek, překlad,
    выход, вывод, ответ, метка, категория, класс, тональность, перевод, результат, тема, вихід, відповідь, мітка,
    çıkış, çıktı, cevap, yanıt, etiket, duygu, kimenet, válasz, címke, ieșire, răspuns, etichetă,
    keluaran, jawaban, kategori, terjemahan, đầu ra, trả lời, câu trả lời, nhãn, bản dịch,
    出力, 答え, 回答, 解答, ラベル, 分類, カテゴリ, カテゴリー, 感情, 翻訳, 訳文, 訳, 要約, 结果, 答案, 标签,
    输出, 类别, 情感,
    译文, 翻译, 答, 輸出, 標籤, 類別, 結果,
    출력, 답변, 답, 정답, 라벨, 분류, 감정, 번역, 카테고리, المخرج, مخرج, الإجابة, الجواب, التصنيف, פלט, תשובה,
    תווית, आउटपुट, उत्तर, लेबल
    """
)

STRONG_OUTPUT_NAMES = _words(
    "output, label, answer, a, response, target, final answer, expected output, 出力, 答え, salida, ausgabe, sortie"
)
"""Names that end an example even where another known output name stands before them."""

RATIONALE_NAMES = _words(
    """
    reasoning, reason, explanation, rationale, thought, thoughts, chain of thought, why, because,
    justification, steps,
    analysis, hint, comment on the label, begründung, erklärung, grund, razonamiento, explicación, razón, raison,
    raisonnement, explication, motivazione, spiegazione, 理由, 説明, 解説, 解释, 이유, 설명, обоснование, объяснение
    """
)
"""Fields that explain an answer: neither input nor answer where both are there."""

WRAPPING_NAMES = _words(
    "input, example input, eingabe, entrada, entrée, ingresso, invoer, вход, 入力, 输入, 輸入, 입력"
)
"""Names of a whole input: fields inside it belong to its text."""

NOT_FIELDS = _words(
    """
    task, instruction, instructions, note, notes, format, rules, rule, labels, categories, classes, examples,
    guidelines,
    important, example, options, constraints, output format, input format, role, goal, steps, remember, hint, tip,
    aufgabe, hinweis, anweisung, beispiele, kategorien, regeln, tarea, instrucciones, nota, ejemplos,
    categorías, reglas,
    tâche, remarque, exemples, catégories, règles, consigne, 例, タスク, 指示, 注意, 任务, 说明, 示例,
    注意事项, 예시, 지시, задача,
    примеры, примечание, http, https, the labels are, the categories are, possible labels, allowed labels, label set
    """
)
"""Names that head a part of the instruction, never a field of an example."""

EXAMPLE_WORDS = (
    r"examples?|e\.g\.|demonstrations?|samples?|shots?|test cases?|cases?|for instance|beispiele?n?|bspw?\.?|"
    r"ejemplos?|exemples?|esemp[io]o?|exemplos?|"
    r"voorbeeld(?:en)?|exempel|eksemp(?:el|ler)|esimerk(?:ki|kejä|it)|przykłady?|příklady?|príklady?|példá?k?|"
    r"exemple(?:le)?|örnek(?:ler)?|contoh|ví dụ|приклади?|пример[ыа]?|παραδείγματα?|例文?|示例|例子|范例|範例|"
    r"サンプル|예시?|예제|"
    r"أمثلة|مثال|דוגמאות|דוגמה|उदाहरण"
)

# `Example 3:`, `Example #3`, `### Example`, `例1：`, `[Example 2]`, `(Example 1)`; what follows is content.
EXAMPLE_HEADER = re.compile(
    rf"[\s>*_#\[(]{{0,12}}(?:{EXAMPLE_WORDS})[ \t]{{0,3}}(?:no\.?|nr\.?|n°|"
    rf"number)?[ \t]{{0,3}}[#(]?\d{{0,4}}[)\]]?[ \t*_]{{0,4}}"
    r"(?P<close>[:：.)\]\-–—]{1,8}[*_]{0,3}(?=\s|$)|：|(?=\n|$))[ \t]*",
    re.IGNORECASE,
)
MENTIONS_EXAMPLES = re.compile(rf"(?<!\w)(?:{EXAMPLE_WORDS})", re.IGNORECASE)
SEPARATOR_LINE = re.compile(r"\s*(?:[-=_*#~+•]{2,}|</?[\w-]{1,30}>|`{3,}\w*|~{3,}|\(?\d{1,3}[.)]\)?|#|\|)\s*$")
LEAD = re.compile(r"[ \t>]*(?:(?:[-*•+·‣–]|\(?\d{1,3}[.):]\)?|\[\d{1,3}\]|#\d{1,3}[:.)]|[①-⑳])[ \t]+|[①-⑳])?[ \t]*")
"""Bullets and numbers at the beginning of a line."""


def is_input_name(key: str) -> bool:
    """Whether `key` (casefolded) names what goes in."""
    return key in INPUT_NAMES or (_last_word(key) in INPUT_NAMES and key not in OUTPUT_NAMES)


def is_output_name(key: str) -> bool:
    """Whether `key` (casefolded) names what comes out."""
    return key in OUTPUT_NAMES or (_last_word(key) in OUTPUT_NAMES and key not in INPUT_NAMES)


def _last_word(key: str) -> str:
    words = key.split(" ")
    return words[-1] if len(words) <= 3 else ""

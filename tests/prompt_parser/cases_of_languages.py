"""Prompts in other languages and scripts."""

from prompt_case import Case

CASES_OF_LANGUAGES = (
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
)

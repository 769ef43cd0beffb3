"""The words and marks by which prompts announce the answers that they allow."""

from __future__ import annotations

import re

LABEL_NOUN = (
    r"(?:(?:class |category |intent |sentiment |topic |valid |allowed |possible |output |answer |final )?"
    r"(?:labels?|categor(?:y|ies)|class(?:es)?|options?|sentiments?|intents?|topics?|tags?|types?|values?|"
    r"answers?|emotions?|"
    r"departments?|teams?|genres?|choices|responses?|verdicts?|ratings?|priorit(?:y|ies)|severit(?:y|ies)|"
    r"levels?|languages?|"
    r"letters?|words?|queues?|groups?|tones?|moods?|stances?|polarit(?:y|ies)|domains?|sections?|"
    r"kategorien?|klassen?|labels?|etiketten?|antworten|stimmung(?:en)?|abteilung(?:en)?|themen|werte|begriffen?|"
    r"categorías?|clases?|etiquetas?|opciones|respuestas|sentimientos?|temas?|departamentos?|"
    r"catégories?|classes|étiquettes?|réponses?|sentiments?|thèmes?|services?|"
    r"categorie|classi|etichette?|risposte|categorias?|rótulos?|respostas|categorieën|klassen|"
    r"kategori(?:er|a|e|at)?|luokat|luokista|luokkiin|kategorie|etykiety?|категори[йияе]\w*|класс\w*|мет(?:ка|ок|"
    r"ки)))"
)
CJK_NOUN = r"(?:カテゴリー?|ラベル|分類|クラス|選択肢|类别|标签|分类|類別|標籤|选项|카테고리|라벨|분류|레이블)"
QUOTED_ITEM = (
    r"(?:\"[^\"\n]{1,60}\"|“[^”\n]{1,60}”|„[^“”\n]{1,60}[“”]|«[^»\n]{1,60}»|‘[^’\n]{1,60}’|'[^'\n]{1,60}'|"
    r"`[^`\n]{1,60}`|「[^」\n]{1,60}」|『[^』\n]{1,60}』|\*\*[^*\n]{1,60}\*\*)"
)
OR = (
    r"(?:and/or|or|and|oder|und|sowie|y|o|u|ou|et|e|eller|och|og|tai|vai|ja|lub|nebo|или|и|veya|ve|atau|dan|"
    r"または|か|もしくは|又は|或者?|和|또는|및|혹은|أو)"
)
QUOTED_RUN = re.compile(
    rf"{QUOTED_ITEM}(?:[ \t]*(?:\([^()\n]{{1,120}}\)[ \t]*)?(?:[,;|/、，・／\n][ \t]*|[ \t]+|"
    rf"(?=[^\x00-\x7f]))?(?:{OR}(?:[ \t]+(?:as|als|como))?)?[ \t]*{QUOTED_ITEM})+"
)
ONE_QUOTED = re.compile(QUOTED_ITEM)
NOT_LABELS = frozenset(
    {"and", "or", "he", "she", "his", "her", "him", "s", "he/she", "input", "output", "w", "n", "a", "km", "h"}
)
ANSWER_CUE = re.compile(
    r"(?<!\w)(?:answer|respond|reply|output|return|say|print|write|choose|select|pick|label|classify|"
    r"categori[sz]e|assign|tag|mark|"
    r"predict|decide|determine|identify|detect|provide|use|give|respond|one of|either|whether|which|must be|"
    r"should be|can be|"
    r"antworte|gib|wähle|klassifiziere|ordne|entscheide|bestimme|kategorisiere|responde|contesta|clasifica|elige|"
    r"indica|decide|devuelve|"
    r"réponds|répondez|classe|classez|classifie|choisis|indique|rispondi|classifica|responda|classifique|"
    r"antwoord|classificeer|"
    r"svara|svar|klassificera|vastaa|luokittele|odpowiedz|sklasyfikuj|ответь|ответьте|классифицируй|определи|"
    r"определите)|"
    r"(?:分類|判定|答え|回答|選|いずれか|出力|分类|判断|选择|输出|분류|대답|선택|판단)",
    re.IGNORECASE,
)
LIST_HEADER = re.compile(
    rf"(?:{LABEL_NOUN}|{CJK_NOUN}|one of|either|いずれか|どれか|eine[rsmn]? der|una de|uno de|un[ea]? des|"
    rf"uno dei|um[a]? d[ao]s)",
    re.IGNORECASE,
)
NOT_A_LIST = re.compile(
    r"(?:rules|steps|guidelines|requirements|fields|keys|columns|criteria|instructions|tips|notes|constraints|"
    r"extract|forms?|include|"
    r"principles|questions|regeln|schritte|hinweise|felder|reglas|pasos|campos|règles|étapes|consignes|ルール|"
    r"手順|注意|規則|规则|步骤|要求|규칙)"
    r"[^\n]{0,40}$",
    re.IGNORECASE,
)
ONE_OF = (
    r"(?:one of|either|ein(?:e[rsmn]?|s)? (?:der|von|dieser|aus)|una? de|uno de|un[ea]? des?|uno dei|una delle|"
    r"uma? d[aeo]s?|een van(?: de)?|en av|jeden z|jedną z|один из|одну из|yksi)"
)
INLINE_CUE = re.compile(
    rf"(?:{ONE_OF}|{LABEL_NOUN})(?:[ ](?:the|these|those|following|this|exactly|of|labels?|categories|"
    rf"classes|options|values|words|"
    rf"answers?|candidates|{LABEL_NOUN}|estas|estos|ces|diesen|las|los|"
    rf"includes?|is|are|can be|must be|may be|should be|to use|below|here|\d{{1,3}}|two|"
    rf"three|four|five|six|seven|"
    rf"eight|nine|ten|sind|lauten|zu|son|sont|possible|allowed|"
    rf"siguientes|suivantes|suivants|folgenden?|seguenti|seguintes|sentiments?|intents?|topics?|teams?|"
    rf"departments?))*[ ]?(?P<colon>[:：=(\[]|—|–)?[ ]?\[?"
    rf"|{CJK_NOUN}(?:は|为|為|有|のいずれか|を|に|一つ|から|은|는)?(?:以下の?)?[ ]?(?P<colon2>[:：(（「])?",
    re.IGNORECASE,
)
LEADS_ON = re.compile(
    r"(?:one of|either)(?![^\n]*[.!?])|(?:is|are|be|include|includes|sind|lauten|son|sont)\s*$|"
    rf"(?:der|diese[rn]|de las|de los|des|delle|dei|das|dos|van de) (?:folgenden )?{LABEL_NOUN} $|"
    r"(?<=the )(?:letters|words|labels|classes|categories|values|options|answers|sentiments|topics|intents) $",
    re.IGNORECASE,
)
OTHERWISE = re.compile(
    rf"(?<!\w)(?:otherwise|else|if not|ansonsten|sonst|andernfalls|de lo contrario|en otro caso|si no|sinon|"
    rf"altrimenti|caso contrário|anders|иначе),?[ ]"
    rf"(?:(?:please|just|simply|you|should|answer|output|return|say|respond|reply|with|label|classify|it|as|"
    rf"write|use|print|the|word|mark|choose|give|antworte|gib|aus|mit|responde|réponds|rispondi|responda|con|"
    rf"par)[ ])*"
    rf"(?P<item>{QUOTED_ITEM}|[\w-]+)",
    re.IGNORECASE,
)

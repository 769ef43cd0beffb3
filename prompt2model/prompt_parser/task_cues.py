"""Words that tell whether an instruction asks to classify, to choose an option or to write."""

from __future__ import annotations

import re
from typing import Literal

_CLAUSE_START = (
    r"(?:^|[\n.!?:;。]\s*|[,*•>\-)] ?|"
    r"(?<!\w)(?:to|and|then|please|you|must|should|will|can|task is|job is|or|now|just|given an? \w+,?) )"
)
_SORTED_BY = (
    r"(?:sentiment|category|class|label|intent|topic|type|emotion|tone|language|stance|polarity|genre|department|"
    r"team|priority|"
    r"mood|tag|correct (?:category|label|class)|right (?:category|label|class|team|department))"
)
_CLASSIFY = re.compile(
    r"(?<!\w)(?:"
    r"classif(?:y|ies|ying|ication)|categori[sz](?:e|es|ing)|label (?:the|each|this|it|every|these|messages|"
    r"questions)|assign|"
    r"tag (?:the|each|this|it)|route (?:the|each|this)|sort (?:the|each|this|every|"
    r"\w{1,30}(?: \w{1,30})?)[^.\n]{0,40} (?:into|by)|"
    rf"(?:determine|decide|detect|identify|tell|judge|check|predict|say|verify|figure out|evaluate)(?: me)?"
    rf"(?: if| whether| which| the (?:[\w'’]+ ){{0,3}}{_SORTED_BY})|"
    rf"(?:pick|select|choose)(?: (?:to|one of|between)| (?:the|an?|one) (?:[\w'’]+ )?{_SORTED_BY})|"
    rf"what (?:is|are) the {_SORTED_BY}|which {_SORTED_BY}|"
    r"sort into|decide: |rate (?:the|this|each|it|every|how)|how many (?:stars|points)|"
    r"(?:give|assign)(?: [\w']+){0,6} (?:ratings?|scores?|stars|grades?)|"
    r"(?:onko|ovatko) [^.?!\n]{1,160}\?|"
    r"(?:ist|sind) (?:die|der|das|diese[rs]?|es|sie)[^.?!\n]{0,160}\?|"
    r"(?:is|are|does|do) (?:this|the|it|these|they|the two|he|she)[^.?!\n]{0,160}\?|"
    r"yes or no|true or false|positive or negative|sentiment analysis|(?:detection|classification) task|"
    r"klassifizier\w*|kategorisier\w*|ordne[^.\n]{0,120} zu|entscheide|bestimme|"
    r"clasifi[cq]\w*|categori[cz]a\w*|etiqueta|determina|decide si|"
    r"classifie[rz]?|classez?|catégorise[rz]?|détermine[rz]?|classific\w*|classifiqu\w*|"
    r"classificeer|bepaal|klassificera|avgör|luokitt?el\w*|päät(?:ä|ettävä)|sklasyfikuj|określ|"
    r"классифицируй\w*|определи\w*|sınıflandır\w*|klasifikasikan|phân loại)(?!\w)|"
    r"分類|判定して|判断して|分类|判断|归类|분류|판단",
    re.IGNORECASE,
)
_GENERATE = re.compile(
    r"(?<!\w)(?:"
    r"writ(?:e|ing)|generat(?:e|ing)|translat(?:e|ing|ion)|summari[sz](?:e|ing)|rewrit(?:e|ing)|re-?phras(?:e|ing)|"
    r"paraphras(?:e|ing)|convert|creat(?:e|ing)|describ(?:e|ing)|simplify|normali[sz]e|come up with|"
    r"coming up with|brainstorm|"
    r"respond to|reply to|return the|reconstruct|restate|reword|reformat|correct(?: the| any| all| this)|"
    r"answer (?:the|this|a|my|each|it|questions?)|turn (?:the|this|each|a|an|it)|complet(?:e|ing) (?:the|this|a)|"
    r"give (?:me|an?|the|some|it|each|us)|make (?:an?|the|it|this|up|me)|tell me (?:about|how|what|why|a)|"
    r"given an?[^.\n]{0,120}(?:generate|write|return|give|output|produce)|"
    r"how (?:do|can|would|to|many|much|should)|what (?:would|are (?:some|the|your)|should)|"
    r"schreib\w*|übersetz\w*|fass\w*|formulier\w*|wandle|erstell\w*|erklär\w*|korrigier\w*|vereinfach\w*|"
    r"beantwort\w*|extrahier\w*|"
    r"escrib[ea]\w*|traduc\w*|traduz\w*|tradui\w*|resum\w*|résum\w*|redact\w*|rédige\w*|genera|génère\w*|"
    r"explica|corrige\w*|reescrib\w*|convierte|extrae|responde a|écri\w*|reformul\w*|scriv\w*|riassum\w*|escrev\w*|"
    r"schrijf|vertaal|vat|skriv\w*|översätt\w*|kirjoita|käännä|muunna|anna vastaus|napisz|przetłumacz|streść|"
    r"напиши\w*|переведи\w*|перефразируй\w*|исправь\w*)(?!\w)|"
    r"翻訳|書いて|書き|要約|作成|生成|変換|説明して|訳して|言い換え|写|翻译|总结|改写|번역|작성|요약",
    re.IGNORECASE,
)
# Words that are as often nouns: they count only where a clause begins.
_IMPERATIVES = re.compile(
    _CLAUSE_START
    + r"(?:fix|extract|compose|explain|compress|draft|suggest|provide|list|edit|expand|shorten|transform|format|design|"
    r"solve|compute|calculate|sum|reverse|sort|arrange|order|find|propose|recommend|outline|plan|build|implement|"
    r"develop|"
    r"invent|devise|formulate|replace|remove|add|insert|split|combine|merge|name|discuss|analy[sz]e|compare|"
    r"elaborate|continue|finish|fill|recite|render|map|construct|produce|abbreviate|spell|count|rank|parse|turn|"
    r"complete|why|make|rhyme|report|correct|link|show|rewrite|express|state|define|which|who|"
    r"when)(?!\w)",
    re.IGNORECASE,
)
_MULTIPLE_CHOICE = re.compile(
    r"multiple[- ]choice|(?:choose|select|pick) (?:the )?(?:correct|right|best|most \w+)[^.\n]{0,40}"
    r"(?:option|answer|choice|alternative)|"
    r"(?:answer|given|following|provided|four|five|several) (?:options|choices|alternatives)|"
    r"from (?:the|its|their|four|five) (?:given |provided |listed )?(?:options|choices|alternatives)|"
    r"letter of the (?:correct|right|best)|correct (?:option|letter|choice)|options? [A(]|"
    r"mehrfachauswahl|richtige (?:option|antwortmöglichkeit)|opción múltiple|opción correcta|choix multiples?|"
    r"bonne option|scelta multipla|múltipla escolha|meerkeuze|選択肢の中から|四択|正しい選択肢|选择题|正确选项|"
    r"객관식",
    re.IGNORECASE,
)
_ASKS_FOR_LABELS = re.compile(
    r"one of|only (?:the|one|with)|exactly one|(?:labels?|categor\w+|classes)\s*[:：]", re.IGNORECASE
)


def first_cue(instruction: str) -> Literal["classification", "generation"] | None:
    """Whether the instruction's first telling word asks to classify or to write."""
    first = _CLASSIFY.search(instruction)
    others = [match.end() for pattern in (_GENERATE, _IMPERATIVES) if (match := pattern.search(instruction))]
    if first and (not others or first.start() <= min(others)):
        return "classification"
    return "generation" if others else None


def asks_for_labels(instruction: str) -> bool:
    """Whether anything in the instruction asks for one answer of several."""
    return bool(_CLASSIFY.search(instruction) or _ASKS_FOR_LABELS.search(instruction))


def asks_for_option(instruction: str) -> bool:
    """Whether the instruction speaks of answer options that come with each input."""
    return bool(_MULTIPLE_CHOICE.search(instruction))

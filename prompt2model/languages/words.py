"""Frequent words of languages written in Latin letters, and letters that tell languages of one script apart.

The words are function words (articles, pronouns, prepositions, forms of to be), the commonest of each language.
"""

from __future__ import annotations


def _read_lists(text: str) -> dict[str, list[str]]:
    """`en: the of and …` per language; lines without a code go on with the language before."""
    words: dict[str, list[str]] = {}
    code = ""
    for part in text.split():
        if part.endswith(":"):
            code = part[:-1]
        else:
            words.setdefault(code, []).append(part)
    return words


def _read_words(text: str) -> dict[str, frozenset[str]]:
    return {code: frozenset(found) for code, found in _read_lists(text).items()}


STOP_WORDS = _read_words(
    """
    en: the of and to in is you that it he was for on are as with his they i at be this have from or had by
        but not what all were we when your can said there an which do how if will up about out them then she
        some her would make like him into has two more my than been who its now did get where why does could
        should may just our please me us any isn't don't didn't i'm i've it's hello thanks very too again after
        classify sentiment following given question answer sentence review message write each text label
        labels word words one only input output translate english customer reply return give
    de: schreibe übersetze satz folgenden klassifiziere antworte ordne nachricht frage der die das und
        ist nicht ich du er sie es wir ihr ein eine einen einem einer zu den dem des mit auf
        für von im in an auch als wie bei aus nach noch nur oder aber wenn dass sich sind war hat haben kann
        wird werden mein meine mir mich dich schon sehr mehr über um so vor durch bitte was wer wo warum
        gibt keine kein zum zur ihre sein habe ihnen uns bin wurde diese dieser hallo danke immer wieder
    fr: écris traduis texte phrase suivant suivante réponds le la les des de du et est un une je tu il
        elle nous vous ils ne pas que qui dans pour sur au aux
        avec ce cette ces son sa ses mon ma mes mais ou où par plus en se sont été être avoir a ai avez
        avons c'est j'ai n'est qu'il leur comme si tout bien très fait faire peut quand comment pourquoi
        merci bonjour d'un d'une votre vos suis aussi sans même était lui
    es: escribe traduce clasifica texto frase siguiente mensaje responde el la los las de del y es un
        una que en no se por con para su sus lo como más pero al le me mi tu te
        yo nos está están son fue ha han hay ser muy también cuando qué quién cómo dónde porque si ya este
        esta estos esto todo sin sobre entre desde hasta hola gracias usted ellos nosotros puedo quiero
        tengo tiene cada después unos sólo solo era
    it: scrivi traduci classifica frase testo seguente il lo la i gli le di del della dei delle e è un
        una che in non si per con su al alla mi ti ci vi
        sono ho hai ha abbiamo hanno come più ma anche da dal dalla nel nella questo questa quello se io tu
        lui lei noi voi essere molto quando perché cosa chi dove già tutto grazie buongiorno ciao mio mia
        suo sua sul stato fatto può c'è dell'
    pt: escreva traduza classifique texto frase seguinte o a os as de do da dos das e é um uma que em no
        na nos nas não se por com para seu sua ao à mais mas
        como eu você ele ela nós eles está estão são foi ser ter tem há muito quando porque também já isso
        este esta esse meu minha pelo pela sem sobre até obrigado olá quero posso qual onde só às
    nl: schrijf vertaal zin volgende bericht de het een en van ik je is dat die in te niet op zijn met
        voor er maar om aan ook als dan wat hij ze
        we bij nog naar uit kan heb hebben heeft mijn wel geen door over zo had was worden wordt deze dit
        hoe waar waarom wie jullie u uw mij graag bedankt hallo al meer moet zou tot werd hun
    sv: och i att det som en på är av för med den till inte om ett han hon men var jag du vi de har kan ska
        så när hur vad från vid eller nu min din sig mot efter också bara mycket finns blir detta denna
        varför här där mig dig tack hej alla utan skulle någon dem
    da: og i at det som en på er af for med den til ikke om et han hun men var jeg du vi de har kan skal så
        når hvordan hvad fra ved eller nu min din sig mod efter også kun meget findes bliver dette denne
        hvorfor her der mig dig tak hej alle uden blev ville noget jer være været
    no: og i at det som en på er av for med den til ikke om et han hun men var jeg du vi de har kan skal så
        når hvordan hva fra ved eller nå min din seg mot etter også bare mye finnes blir dette denne hvorfor
        her der meg deg takk hei alle uten ble ville noe være vært noen dere
    fi: luokittele kirjoita käännä vastaa anna tunnista teksti viesti viestin lause seuraava seuraavista yksi
        yhteen yhdellä sanalla onko joko vai ovatko kuinka milloin paljon tarvitsen haluan vielä väärin tullut
        ja on ei se että hän oli minä sinä me te he en olen ovat mutta kun niin kuin myös tai jos mitä mikä
        missä miksi miten tämä tuo nyt vain sitten siitä sen ole ollut voi voin mukaan kanssa hyvin kiitos
        hei minun sinun joka jotka kuka mihin sekä jo
    pl: i w nie na się z do to że jest jak o ale po co za od czy tak był była było są dla przez ma mam może
        już tylko ja ty on ona my wy oni mi mnie go jego jej ich ten ta te tego który która które gdzie
        kiedy dlaczego bardzo proszę dziękuję dzień dobry jestem albo lub oraz bo pan
    cs: a je v se na to že s z do o ale jak za by po si tak jsem jsi jsou byl byla bylo ve od pro co když
        kde proč ten ta které který která jako nebo už jen mi mě má mám není však být přes při tento děkuji
        prosím dobrý den také aby velmi jejich ještě
    sk: a je v sa na to že s z do o ale ako za by po si tak som sú bol bola bolo vo od pre čo keď kde prečo
        ten tá ktoré ktorý ktorá alebo už len mi ma má mám nie však byť cez pri tento ďakujem prosím dobrý
        deň tiež aby veľmi ich ešte
    ro: și în de la nu a este un o cu pe că care din se mai pentru sunt ce am ai au fost dar ca sau dacă
        când unde cum tot el ea noi voi lor lui mea meu prin foarte această acest după fără bună mulțumesc
        vă îmi mi-a este-o s-a nici până al ale cel cea ar fi
    hu: a az és hogy nem is egy ez van volt meg de csak mint már vagy ha még azt ami ki mi én te ő mert
        nagyon kell lehet be el most minden után között itt ott miért hogyan hol mikor köszönöm szia jó
        vagyok nekem lesz aki ezt sem
    tr: ve bir bu da de için çok ne o mi mı mu mü ben sen biz siz onlar ile gibi daha en kadar var yok ama
        değil olarak olan her şey nasıl neden nerede ki sonra önce şu teşekkür merhaba bana sana beni seni
        oldu olduğunu ya hiç lütfen benim
    vi: và là của có không được cho một các tôi bạn này với những người trong khi đã để ở từ thì về như đến
        nào rất cũng sẽ anh chị em nhưng vì hay hoặc gì tại đó làm phải nếu cảm ơn xin
    id: yang dan di ini itu dengan untuk tidak dari dalam akan pada ke adalah saya kamu anda kami mereka ada
        juga bisa sudah karena atau oleh apa bagaimana mengapa dimana sangat lebih telah seperti hanya tapi
        tetapi terima kasih belum bukan saat banyak kita dia satu agar jika ya
    ca: el la els les de del i és un una que en no es per amb a seu seva com més però al li em meu meva jo
        ens està són ser molt també quan què qui on perquè si ja aquest aquesta això tot sense sobre entre
        des fins hola gràcies vostè estic tinc vull puc dels
    et: ja on ei see et ma sa ta me te nad oli aga kui nii ka või mis kus miks kuidas mina sina selle oma
        olen oled pole ning siis kes juba veel väga aitäh tere mulle seda ole üks
    lt: ir yra ne į kad su iš tai bet kaip ar aš tu jis ji mes jūs jie buvo už apie nuo po prie per taip pat
        tik jau labai kas kur kodėl mano tavo savo labas ačiū man būti kuris kuri
    lv: un ir nav uz ka ar no tas bet kā vai es tu viņš viņa mēs jūs par pie pēc līdz jau tikai ļoti kas kur
        kāpēc man mans tavs savu paldies labdien bija būt kurš šis šī lai
    hr: i je u na se da su za od s o ne što kao ali ili bi koji koja koje ja ti on ona mi vi oni sam si smo
        ste bio bila bilo nije samo već još kako gdje zašto kada jako hvala molim dobar dan moj tvoj svoj iz
        po do ima sve
    sl: in je v na se da so za od z s o ne kaj kot ali bi ki jaz ti on ona mi vi oni sem si smo ste bil bila
        bilo ni samo že še kako kje zakaj ko zelo hvala prosim dober dan moj tvoj svoj iz po do ima vse pri
        tudi
    tl: ang ng sa na mga ay at ko mo ka siya kami tayo sila hindi ito iyon may mayroon para kung ano saan
        bakit paano lang din rin pa po opo salamat akin iyong kanyang nang si ni kay wala
    sw: na ya wa kwa ni katika la za kuwa hii hiyo huu yake wake yangu yako si sio lakini au kama pia sana
        je nini wapi mimi wewe yeye sisi nyinyi wao asante habari ambayo hakuna baada kabla
    eu: eta da ez bat du dira zen izan dut egin ere baina edo zer non nor nola zergatik hau hori oso nire
        zure gure bere duen dute naiz zara kaixo eskerrik asko behar
    gl: o a os as de do da dos das e é un unha que en no na non se por con para seu súa ao á máis pero como
        eu ti el ela nós vós está están son foi ser ten hai moi cando porque tamén xa isto este esta meu
        miña polo pola sen sobre ata grazas ola onde
    """
)

LATIN_LETTERS: dict[str, str] = {
    "de": "äöüß",
    "fr": "éèêàçùœîôûëïÿâ",
    "es": "ñ¿¡áéíóúü",
    "it": "èìòàùé",
    "pt": "ãõçâêáéóíúàô",
    "nl": "éëïöü",
    "sv": "åäö",
    "da": "æøå",
    "no": "æøå",
    "fi": "äöå",
    "pl": "ąćęłńóśźż",
    "cs": "ěřůčšžýáíéúóďťň",
    "sk": "ľĺŕôčšžťďňýáíéúóä",
    "ro": "ășțâîşţ",
    "hu": "őűöüáéíóú",
    "tr": "ğışçöüâî",
    "vi": "ăâđêôơưạảấầậắặẹẻẽếềệỉịọỏốồộớờợụủứừựỳỵáàãéèíìóòõúùýẩẫằẳẵểễổỗởỡửữỷỹĩũ",
    "ca": "çàèòï·éíóúü",
    "et": "õäöü",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "hr": "čćđšž",
    "sl": "čšž",
    "gl": "ñáéíóúü",
}
"""Letters beyond a-z that a language uses; such a letter speaks against every language that lacks it."""

SCRIPTS: tuple[tuple[str, str, str], ...] = (
    # First and last letter of a block, and the language that it is mostly used for.
    ("\u0370", "\u03ff", "el"), ("\u0400", "\u052f", "ru"), ("\u0530", "\u058f", "hy"), ("\u0590", "\u05ff", "he"),
    ("\u0600", "\u06ff", "ar"), ("\u0750", "\u077f", "ar"), ("\u0900", "\u097f", "hi"), ("\u0980", "\u09ff", "bn"),
    ("\u0a00", "\u0a7f", "pa"), ("\u0a80", "\u0aff", "gu"), ("\u0b00", "\u0b7f", "or"), ("\u0b80", "\u0bff", "ta"),
    ("\u0c00", "\u0c7f", "te"), ("\u0c80", "\u0cff", "kn"), ("\u0d00", "\u0d7f", "ml"), ("\u0d80", "\u0dff", "si"),
    ("\u0e00", "\u0e7f", "th"), ("\u0e80", "\u0eff", "lo"), ("\u0f00", "\u0fff", "bo"), ("\u1000", "\u109f", "my"),
    ("\u10a0", "\u10ff", "ka"), ("\u1200", "\u137f", "am"), ("\u1780", "\u17ff", "km"), ("\u3040", "\u30ff", "ja"),
    ("\u31f0", "\u31ff", "ja"), ("\uff66", "\uff9f", "ja"), ("\u3400", "\u9fff", "zh"), ("\uac00", "\ud7af", "ko"),
    ("\u1100", "\u11ff", "ko"),
)  # fmt: skip

SCRIPT_VARIANTS: tuple[tuple[str, str, str], ...] = (
    # Within the script of the first language: letters that only the second one uses.
    ("ru", "uk", "іїєґ"), ("ru", "be", "ўі"), ("ru", "sr", "ђјљњћџ"), ("ru", "mk", "ѓѕќџј"), ("ru", "kk", "әғқңөұүһ"),
    ("ar", "fa", "پچژگکی"), ("ar", "ur", "ٹڈڑےںہھ"), ("hi", "mr", "ळ"),
)  # fmt: skip

CYRILLIC_WORDS = _read_words(
    """
    ru: и что это как где мой моя мы вы он она они был была было есть или его её меня мне у чтобы если
        только уже ещё еще очень пожалуйста спасибо здравствуйте привет при для со нет какой почему когда
    uk: і й та що це як де мій моя ми ви він вона вони був була було є або його її мене мені у щоб якщо
        тільки вже ще дуже ласка дякую добрий привіт при для зі немає який чому коли чи від до
    bg: е да се са ще ми си това един една което който много благодаря здравейте съм към или не къде как
        какво защо кога ли го я ги аз ти той тя ние вие те имам има няма беше може но моята моя моят
        поръчката
    """
)
"""Frequent words that tell Russian, Ukrainian and Bulgarian apart where their own letters do not."""

_NAMES = _read_lists(
    """
    en: english englisch englische englischen inglés anglais inglese inglês 英語 英文 영어  de: german
    deutsch deutsche deutschen deutscher alemán allemand tedesco  fr: french französische
    französischen francés français  es: spanish spanische spanischen español espagnol  it:
    italian italiano  pt: portuguese português  nl: dutch  sv: swedish  da: danish  no:
    norwegian  fi: finnish  pl: polish  cs: czech  sk: slovak  ro: romanian  hu: hungarian  tr:
    turkish  vi: vietnamese  id: indonesian  ca: catalan  et: estonian  lt: lithuanian  lv:
    latvian  hr: croatian  sl: slovenian slovene  el: greek  ru: russian  uk: ukrainian  bg:
    bulgarian  sr: serbian  mk: macedonian  ar: arabic  fa: persian farsi  ur: urdu  he: hebrew
    hi: hindi  bn: bengali  mr: marathi  pa: punjabi  gu: gujarati  ta: tamil  te: telugu  kn:
    kannada  ml: malayalam  th: thai  ja: japanese 日本語 日文  zh: chinese mandarin 中国語 中文  ko:
    korean 한국어  gl: galician  eu: basque  cy: welsh  ga: irish  is: icelandic  ms: malay  tl:
    tagalog filipino  sw: swahili  af: afrikaans  sq: albanian  hy: armenian  ka: georgian  la:
    latin  eo: esperanto  ne: nepali  si: sinhala  km: khmer  lo: lao  my: burmese  am: amharic
    yo: yoruba  zu: zulu  ha: hausa  kk: kazakh
    """
)
LANGUAGE_NAMES: dict[str, str] = {name: code for code, names in _NAMES.items() for name in names}
"""Names by which prompts speak of languages, casefolded → ISO 639-1; the English name of each comes first."""

ISO_639_1 = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
    ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik
    io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml
    mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd
    se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi
    vo wa wo xh yi yo za zh zu
    """.split()
)

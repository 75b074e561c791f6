"""Writes tests/goldens/tokens.json: texts and the ids that OpenAI's tokenizer gives them, as [[text, [ids]], ...].

    python tests/reference/tokens.py

Half of the texts are written down here, the other half is drawn from many scripts by a seeded generator. None is text
that was decoded with the wrong encoding: ftfy mends such text by guessing, memeclip leaves it alone.
"""

import json
import random
import unicodedata
from pathlib import Path

from ftfy import fix_text
from open_clip.tokenizer import SimpleTokenizer

COUNT = 700
GOLDENS = Path(__file__).parents[1] / "goldens" / "tokens.json"

TEXTS = """
ONE DOES NOT SIMPLY walk into Mordor
Nobody: ... Absolutely nobody: ... Me at 3am:
I'm sure they'll say you've done what we'd do; it's theirs, isn't it? don't, can't, won't, y'all'd've
IT'S HER'S I'LL WE'VE YOU'RE I'M HE'D
it’s “fine” — we’re all ‘fine’… really„ ‟ok‛
100% 50/50 3.14159 1,000,000 $9.99 €5 £3 ¥100 x² ½ ¾ ① Ⅷ ٣٤٥ १२३
C++ C# .NET node.js a_b snake_case kebab-case path/to/file C:\\dir\\file <tag attr="x">
http://example.com/?q=1&lang=en#top user@example.com @handle #hashtag #PrideMonth
Tom &amp; Jerry &lt;3 &quot;forever&quot; &nbsp; &copy; &hearts; &hellip; &#39;x&#39; &#x2019; &#128512; &#x1F600;
&amp;amp; &amp;lt; &ampamp &AMP; &EACUTE; P&EACUTE;REZ &Eacute;cole &notanentity; &not; &notit; &NotEqual; & &; &#; &#x; &#0; &#xD800;
if a < b &amp;&amp; c > d then &lt;ok&gt; &eacute;
this&not that AT&T R&B Q&A &copy 2024 &reg
😂😂😂 💯🔥 👀 🏳️‍🌈 🏳️‍⚧️ 👨‍👩‍👧‍👦 👩🏽‍🚀 🇩🇪🇫🇷 ❤️ ☺️ ✌🏿 #️⃣ 🫠
i 💜 you but ☹ not ☮ when ☯
(╯°□°）╯︵ ┻━┻ ¯\\_(ツ)_/¯ ( ͡° ͜ʖ ͡°) ʕ•ᴥ•ʔ
они сказали что будет весело; а оказалось — НЕТ! ЁЖИК
Πότε; Ποτέ! ΌΔΟΣ ὈΔΥΣΣΕΎΣ ΣΊΣΥΦΟΣ
これはミームです。猫がカワイイ！ ｶﾞｷﾞｸﾞ ＬＯＵＤ　ＮＯＩＳＥＳ １２３
这是一个梗图，大家都笑了。 這是繁體字
이것은 밈입니다 ㅋㅋㅋ ﾡﾢ
مرحبا بالعالم كيف حالك؟ شلام ـــ لَا
שלום עולם מה קורה "צה״ל"
नमस्ते दुनिया क्या हाल है क्षत्रिय
สวัสดีชาวโลก ภาษาไทย
Chào thế giới, tiếng Việt có dấu
ŁÓDŹ İstanbul ISPARTA ıłığ STRASSE straße ﬁne ﬂuﬃeﬆ Ĳsland ǆungla ŉ ﬅ
ÀÉÎÕÜ àéîõü Ñandú Ærø Œuvre Þór Ðan ß ẞ ĥ ŝ ǅ
n̈ ñ é é Å Å ｅ́ q̣̇ q̣̇
ﾊﾝｶｸ ｱｲｳ ￥ ￦ ￠ ｡ ､ ～
zero\u200bwidth joiner\u200d non\u200cjoiner soft\u00adhyphen word\u2060joiner \ufeffbom \u202eright\u202c left\u200e
ob\ufffcject re\ufffdplacement de\u206aprecated ann\ufff9ot\ufffaat\ufffbion
ctrl\x01\x02\x07\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x7f bell\x08
tab\there\x0bvertical\x0cform
double  space   triple\u00a0nbsp\u2003em\u2009thin\u3000ideographic
supercalifragilisticexpialidocious antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
!!!!!!!!!! ?????? ...... ------ ____ ~~~~ ***** ///// \\\\\\\\ ||||| ^^^^ ```` ''' \"\"\"
!?!?!?!?1!!one!!eleven !!!1!11
'S 'T 'RE 'VE 'M 'LL 'D 'x 's't're
a photo of a Benign Meme.
a photo of a No particular target.
null
None of this
NULL
nan
𝓕𝓪𝓷𝓬𝔂 𝔣𝔯𝔞𝔨𝔱𝔲𝔯 𝟙𝟚𝟛 Ⓒⓘⓡⓒⓛⓔ 🅰🅱 ᴛɪɴʏ ᶠˡᵒᵃᵗ
Z̵̢̛a̴l̸g̵o̶ t̷e̸x̵t̴
𐍈 𒀀 𓀀 𝄞 🂡 🀄
ﷺ ﷽ ꧁꧂ ꙮ
"""

SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789",
    ".,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+~`",
    "áàâäãåæçéèêëíìîïñóòôöõøœßúùûüýÿÁÉÍÓÚÑÜÇ",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗ",
    "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώΑΒΓΔ",
    "あいうえおかきくけこアイウエオ漢字日本語",
    "的一是了我不人在他有这个上们来到时",
    "가나다라마바사아자차카타파하",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "अआइईउऊकखगघचछजझटठडढतथदधनपफबभमयरल",
    "กขคงจฉชซญดตถทนบปผพฟมยรลวสหอ",
    "😀😂🤣😍🥺😭😡🤡💀💩👀🙏🔥💯✨🎉❤💔🏳🌈🐸🐶🐱",
    "“”‘’–—…«»‹›•·¿¡§©®™°±×÷",
]
ENTITIES = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&eacute;", "&nbsp;", "&hearts;", "&#128514;", "&copy", "&NTILDE;"]
WORDS = "when you finally the cat dog me my boss they said love is hate pride flag support gay trans people we all memes".split()


def drawn(rng):
    """A line of words: plain ones, words of one script, entities, signs, with uneven white space."""
    pieces = []
    for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 40, 120])):
        kind = rng.random()
        if kind < 0.4:
            word = rng.choice(WORDS)
            pieces.append(rng.choice([word, word.upper(), word.title(), word + rng.choice("!?.,…'s")]))
        elif kind < 0.5:
            pieces.append(rng.choice(ENTITIES))
        else:
            script = rng.choice(SCRIPTS)
            pieces.append("".join(rng.choice(script) for _ in range(rng.randint(1, 9))))
        pieces.append(rng.choice([" ", " ", " ", "", "  ", "\n", "\t", "\u00a0", "\r\n"]))
    return "".join(pieces)


def texts():
    rng = random.Random(1)
    lines = [line.replace("\\\\", "\\") for line in TEXTS.strip().splitlines()]
    lines += [line.upper() for line in lines] + [line.lower() for line in lines]
    lines += [" ".join(lines), "\n".join(lines), lines[0] * 40, "  \n ", "", "None", "😂" * 90, "x " * 500]
    lines += [unicodedata.normalize("NFD", line) for line in lines[:20]]
    while len(lines) < COUNT:
        lines.append(drawn(rng))
    return [line for line in dict.fromkeys(lines) if fix_text(line) == fix_text(line, fix_encoding=False)]


if __name__ == "__main__":
    tokenizer = SimpleTokenizer()
    rows = []
    for text in texts():
        ids = tokenizer(["null" if text.strip() in ("", "None") else text])[0].tolist()
        rows.append([text, ids[: ids.index(tokenizer.eot_token_id) + 1]])
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    GOLDENS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(rows)} texts")

"""Normalising, splitting, whose turn it is, and which language."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.contact import Channel, Contact, Language, Speaker, Turn
from pipeline.language.clauses import MAX_CHARS, split
from pipeline.language.detect import Detector, Scripts
from pipeline.language.normalise import clean, normalise
from pipeline.language.turns import customer_text

DETECTOR = Detector()
HANS, HANT, KO, EN, UND = (
    Language.ZH_HANS,
    Language.ZH_HANT,
    Language.KO,
    Language.EN,
    Language.UND,
)

PIECES = (
    *("很好", "。", "！", "배송이 늦어요 ", "했다 ", "요 ", "Mr. ", "The end. ", "3.5", "\n", " "),
    *("https://a.example/b?c=d ", "<PHONE>", "…", "ㅠㅠ", "😀", "a" * 90, "好" * 120, ",", "’"),
)
mixed = st.text(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


# --- clean and normalise


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  plain  ", "plain"),
        ("<p>很好</p><p>推荐</p>", "很好\n\n推荐"),
        ("一行<br/>两行<BR>三行", "一行\n两行\n三行"),
        ("<b>bold</b> and <i class='x'>it</i>", "bold and it"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("a&amp;#64;b.example", "a@b.example"),
        ("&nbsp;&nbsp;x&#8203;", "x\u200b"),
        ("&bogus; &#xFFFFFFF;", "&bogus; &#xFFFFFFF;"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("a\x00b\x1fc\ud800d", "abcd"),
        ("a\tb\u00a0c", "a b c"),
        ("<script>alert('x')</script>hi<style>p{}</style>", "hi"),
        ("<!-- note -->hi", "hi"),
        ("i <3 it, 5 < 6 > 4", "i <3 it, 5 < 6 > 4"),
        ("<PHONE> <ADDRESS> <EMAIL>", "<PHONE> <ADDRESS> <EMAIL>"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(mixed)
def test_clean_leaves_no_control_characters_and_changes_plain_text_only_at_its_ends(
    text: str,
) -> None:
    cleaned = clean(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", cleaned)
    if not re.search(r"[<&\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff]", text):
        assert cleaned == text.strip()


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ＡＢＣ　１２３！", "ABC 123!"),
        ("哈哈哈哈哈哈好", "哈哈哈好"),
        ("ㅋㅋㅋㅋㅋㅋㅋ 웃겨 ㅠㅠㅠㅠㅠ", "ㅋㅋㅋ 웃겨 ㅠㅠㅠ"),
        ("so good!!!!!!!!", "so good!!!"),
        ("no no no no no no", "no no no no no no"),
        ("hahahahahaha", "hahaha"),
        ("😀😀😀😀😀", "😀😀😀"),
        ("1000000 11111", "1000000 11111"),
        ("a\u200bb\ufeffc\u00ad", "abc"),
        ("  a \n b  ", "a b"),
        ("ﬁne ½ ㎏", "fine 1⁄2 kg"),
        ("한글", "한글"),
        ("\u1112\u1161\u11ab", "한"),
        ("", ""),
        ("\u200b \n", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@given(mixed)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert "  " not in once
    assert once == once.strip()


# --- clauses


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        (" \n ", []),
        ("很好", ["很好"]),
        ("快递太慢了！客服也不理人。退货吧", ["快递太慢了！", "客服也不理人。", "退货吧"]),
        ("態度很差……真的很差；不會再來", ["態度很差……", "真的很差；", "不會再來"]),
        (
            "배송이 늦어요 포장도 별로예요 다시는 안 삽니다",
            ["배송이 늦어요", "포장도 별로예요", "다시는 안 삽니다"],
        ),
        ("정말 좋았다 ㅠㅠ 또 살게요", ["정말 좋았다 ㅠㅠ", "또 살게요"]),
        ("중요 부품이 없어요 빨리 보내줘요", ["중요 부품이 없어요", "빨리 보내줘요"]),
        ("좋다고 했다 하지만 싫다", ["좋다고 했다 하지만 싫다"]),
        (
            "Mr. Smith called at 3 p.m. about it. I was out.",
            ["Mr. Smith called at 3 p.m. about it.", "I was out."],
        ),
        ("It cost 3.50 e.g. for tea. Too much!", ["It cost 3.50 e.g. for tea.", "Too much!"]),
        ("Great phone! 10/10 would buy again", ["Great phone!", "10/10 would buy again"]),
        ("Version 2.1.3 crashed. Fix it", ["Version 2.1.3 crashed.", "Fix it"]),
        (
            "see https://a.example/x?y=1!z. It fails",
            ["see https://a.example/x?y=1!z.", "It fails"],
        ),
        ("First line\nsecond line", ["First line", "second line"]),
        ("好。The parcel is late. 배송이 늦어요", ["好。The parcel is late.", "배송이 늦어요"]),
        ("等了三天。Nobody came!", ["等了三天。", "Nobody came!"]),
        ("他说“太慢了。”然后走了", ["他说“太慢了。”", "然后走了"]),
        ("1. 배송 지연\n2. 파손", ["1. 배송 지연", "2. 파손"]),
        ("Bus No. 5 was late. No. Not again", ["Bus No. 5 was late. No.", "Not again"]),
        ("Is it? No. Never!", ["Is it? No.", "Never!"]),
        ("打<PHONE>没人接。地址是<ADDRESS>", ["打<PHONE>没人接。", "地址是<ADDRESS>"]),
    ],
)
def test_split(text: str, clauses: list[str]) -> None:
    assert split(text) == clauses


def _letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(mixed)
def test_no_character_is_lost_and_no_clause_too_long(text: str) -> None:
    clauses = split(text)
    assert _letters("".join(clauses)) == _letters(text)
    assert all(0 < len(clause) <= MAX_CHARS for clause in clauses)
    assert all(clause == clause.strip() for clause in clauses)


@pytest.mark.parametrize("unit", ["好", "word ", "가나다 ", "很慢，", "a,", "<PHONE>"])
def test_long_texts_are_cut_where_something_ends(unit: str) -> None:
    text = unit * (5000 // len(unit))
    clauses = split(text)
    assert len(clauses) > 10
    assert _letters("".join(clauses)) == _letters(text)
    if unit != "好":
        assert all(clause in text and not clause.startswith("HONE") for clause in clauses)
        ends = {clause[-1] for clause in clauses[:-1]}
        assert ends <= set(unit.strip()[-1] + unit.strip())


# --- languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("快递太慢了，客服态度很差", HANS),
        ("客服態度很差，等了四十分鐘", HANT),
        ("这个产品质量不错", HANS),
        ("這個產品品質不錯", HANT),
        ("배송이 너무 늦어요", KO),
        ("ㅋㅋㅋㅋ", KO),
        ("The parcel came late", EN),
        ("ok", EN),
        ("thx!!", EN),
        ("iPhone 배송이 늦어요 customer service 별로", KO),
        ("这个app太卡了，update之后打不开", HANS),
        ("這個app太卡，update之後打不開", HANT),
        ("I bought 小米 phone and it is good", EN),
        ("荷物が届きませんでした", UND),
        ("これはひどいです", UND),
        ("Посылка опоздала на неделю", UND),
        ("La livraison est arrivée avec trois jours de retard, très déçu", UND),
        ("Die Lieferung kam drei Tage zu spät und niemand hat geantwortet", UND),
        ("El pedido llegó muy tarde y nadie contestó mis mensajes", UND),
        ("", UND),
        ("12345 !!! 😀", UND),
        ("<PHONE> <EMAIL>", UND),
        ("https://shop.example.com/path", UND),
        ("打 <PHONE> 沒人接，請處理", HANT),
    ],
)
def test_language(text: str, language: Language) -> None:
    assert DETECTOR.detect(text) is language


def test_characters_of_both_scripts_decide_nothing_by_themselves() -> None:
    assert DETECTOR.detect("不好吃") is HANS
    assert DETECTOR.detect("不好吃", hint=HANT) is HANT
    assert DETECTOR.detect("不好吃", context=Scripts.of("服務態度")) is HANT
    assert DETECTOR.detect("不好吃", context=Scripts.of("服务态度"), hint=HANT) is HANS


def test_a_hint_does_not_overrule_the_text() -> None:
    assert DETECTOR.detect("客服态度很差", hint=HANT) is HANS
    assert DETECTOR.detect("배송이 늦어요", hint=EN) is KO
    assert DETECTOR.detect("The parcel is late", hint=KO) is EN
    assert DETECTOR.detect("这个很慢", hint=EN) is HANS


def test_letters_are_counted_by_script() -> None:
    scripts = Scripts.of("语語文한ㅋカabcД 12 <PHONE> a@b.example")
    assert (scripts.han, scripts.lean) == (3, 0)
    assert (scripts["k"], scripts["j"], scripts["l"], scripts["o"]) == (2, 1, 3, 1)


@given(mixed)
def test_every_text_has_a_language(text: str) -> None:
    assert DETECTOR.detect(text) in Language
    if not any(char.isalpha() for char in text):
        assert DETECTOR.detect(text) is UND


# --- turns


def _contact(*turns: tuple[Speaker, str], text: str = "") -> Contact:
    return Contact(
        "c",
        datetime(2026, 3, 2, tzinfo=UTC),
        Channel.CHAT,
        text=text,
        turns=tuple(Turn(*turn) for turn in turns),
    )


def test_only_the_customer_is_heard() -> None:
    contact = _contact(
        (Speaker.BOT, "How can I help?"),
        (Speaker.CUSTOMER, "배송이 늦어요"),
        (Speaker.AGENT, "죄송합니다, 최악이네요"),
        (Speaker.SYSTEM, "agent joined"),
        (Speaker.CUSTOMER, "환불해 주세요"),
    )
    assert customer_text(contact) == "배송이 늦어요\n환불해 주세요"
    assert customer_text(_contact((Speaker.AGENT, "hello"))) == ""
    assert customer_text(_contact(text="很好")) == "很好"

from __future__ import annotations

import pytest

from pipeline.sources.encoding import canonical, decide
from pipeline.sources.errors import SourceError

TEXTS = {
    "gb18030": "快递太慢了，等了两个星期还没有收到，客服也不回复，我要退款。\n物流很快。\n",
    "big5hkscs": "出貨速度太慢，客服態度也很差，等了好幾個禮拜，我要退款。\n東西很好，謝謝你們。\n",
    "cp949": "배송이 너무 늦어요. 주문한 지 2주가 지났는데 아직도 안 왔습니다.\n환불해 주세요.\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_auto_finds_the_encoding(encoding: str) -> None:
    assert decide(TEXTS[encoding].encode(encoding), "auto", "x").encoding == encoding
    assert decide(TEXTS[encoding].encode(), "auto", "x").encoding == "utf-8"


MISTAKES = [
    (encoding, wrong)
    for encoding in TEXTS
    for wrong in ("utf-8", "gb18030", "big5", "cp949")
    if canonical(wrong) != encoding
]


@pytest.mark.parametrize(("encoding", "wrong"), MISTAKES)
def test_a_wrong_encoding_is_refused_with_the_right_one(encoding: str, wrong: str) -> None:
    shown = {"big5hkscs": "big5"}.get(encoding, encoding)
    with pytest.raises(SourceError) as raised:
        decide(TEXTS[encoding].encode(encoding), wrong, "reviews.csv")
    assert f"--encoding {shown}" in raised.value.fix
    assert "reviews.csv" in raised.value.message


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_right_encoding_is_taken(encoding: str) -> None:
    assert decide(TEXTS[encoding].encode(encoding), encoding, "x").encoding == encoding


def test_utf8_is_not_read_as_something_else() -> None:
    with pytest.raises(SourceError, match="valid UTF-8"):
        decide(TEXTS["cp949"].encode(), "cp949", "x")


def test_the_line_of_the_first_bad_byte_is_named() -> None:
    text = b"a,b\n1,2\n" + TEXTS["cp949"].encode("cp949")
    with pytest.raises(SourceError, match="line 3 of x"):
        decide(text, "utf-8", "x")


def test_a_few_damaged_lines_do_not_refuse_the_file() -> None:
    text = (TEXTS["cp949"] * 5).encode() + TEXTS["cp949"].encode("cp949")
    assert decide(text, "utf-8", "x").encoding == "utf-8"


def test_a_character_cut_off_at_the_end_of_the_sample_is_no_fault() -> None:
    assert decide("좋아요".encode()[:-1], "utf-8", "x").encoding == "utf-8"


def test_ascii_is_good_in_every_encoding() -> None:
    for wanted in ("auto", "utf-8", "gb18030", "big5", "cp949"):
        decide(b"a,b\n1,2\n", wanted, "x")


@pytest.mark.parametrize(
    ("mark", "encoding"), [(b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16")]
)
def test_a_byte_order_mark_wins(mark: bytes, encoding: str) -> None:
    assert decide(mark + b"a\0", "cp949", "x").encoding == encoding


@pytest.mark.parametrize(
    ("sample", "words"), [(b"PK\x03\x04abc", "Excel"), (b"\x00\x01\x02", "binary")]
)
def test_what_is_no_text_is_refused(sample: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        decide(sample, "auto", "x")


def test_an_unknown_encoding_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SourceError) as raised:
        decide(b"a", "klingon", "x")
    assert "gb18030" in raised.value.fix


def test_what_reads_as_nothing_is_not_guessed() -> None:
    with pytest.raises(SourceError, match="no other encoding"):
        decide("déjà vu, garçon, Übermut\n".encode("latin-1") * 20, "auto", "x")

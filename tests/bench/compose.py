"""Contact events for load: composed from parts, so that few clauses repeat, or all of them do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

CHANNELS = ("chat", "call", "email", "review", "app", "survey")
PRODUCTS = ("kettle", "lamp", "router", "jacket")
REGIONS = ("north", "south", "east", "west")

# About thirty tokens a clause once a subject, a verb phrase, a time and a wish are joined.
_EN = (
    (
        "the {thing} I ordered on {day}",
        "my new {thing} from order {n}",
        "the {thing} your shop sent me",
    ),
    (
        "arrived {k} days later than promised and the box was torn on one side",
        "stopped working after {k} days although I followed every step of the manual",
        "works well and looks better than on the {k} pictures of your page",
        "was charged {k} times on my card and nobody can tell me why",
        "was replaced within {k} hours by a very kind colleague of yours",
    ),
    (
        "so please call me back at {h} o'clock",
        "and I would buy number {n} again",
        "and I asked {k} times already",
    ),
)
_KO = (
    ("{day}에 주문한 {thing} 제품이", "주문번호 {n}번 {thing} 상품이", "새로 산 {thing}가"),
    (
        "약속한 날보다 {k}일이나 늦게 왔고 상자 한쪽이 다 찢어져 있었어요",
        "설명서대로 했는데도 {k}일 만에 고장이 나서 너무 속상합니다",
        "사진 {k}장보다 실물이 훨씬 예쁘고 사용하기도 정말 편해요",
        "카드에서 {k}번이나 결제되었는데 왜 그런지 아무도 모른대요",
        "상담원이 친절하게 {k}시간 만에 새 제품으로 바꿔 주셨어요",
    ),
    ("{h}시에 다시 전화 주세요", "{n}번 또 살 생각이 있어요", "벌써 {k}번째 문의합니다"),
)
_HANS = (
    ("我{day}下单的{thing}", "订单号{n}的{thing}", "刚买的这个{thing}"),
    (
        "比承诺的时间晚了{k}天才送到而且箱子一边都破了",
        "完全按照说明书操作用了{k}天就坏了真的很失望",
        "比页面上的{k}张图片还要好看用起来也特别顺手",
        "在我的卡上被扣了{k}次款没有人能告诉我为什么",
        "客服态度非常好{k}个小时之内就给我换了新的",
    ),
    ("请在{h}点给我回电话", "以后还会再买{n}号", "我已经问了{k}次了"),
)
_HANT = (
    ("我{day}下單的{thing}", "訂單號{n}的{thing}", "剛買的這個{thing}"),
    (
        "比承諾的時間晚了{k}天才送到而且箱子一邊都破了",
        "完全按照說明書操作用了{k}天就壞了真的很失望",
        "比頁面上的{k}張圖片還要好看用起來也特別順手",
        "在我的卡上被扣了{k}次款沒有人能告訴我為什麼",
        "客服態度非常好{k}個小時之內就給我換了新的",
    ),
    ("請在{h}點給我回電話", "以後還會再買{n}號", "我已經問了{k}次了"),
)
_JOINED = ((" ", _EN), (" ", _KO), ("", _HANS), ("", _HANT))
_THINGS = (
    ("kettle", "lamp", "router", "jacket", "backpack", "keyboard"),
    ("주전자", "조명", "공유기", "재킷", "배낭", "키보드"),
    ("水壶", "台灯", "路由器", "夹克", "背包", "键盘"),
    ("水壺", "檯燈", "路由器", "夾克", "背包", "鍵盤"),
)
_DAYS = (
    ("Monday", "Friday", "the third of May"),
    ("월요일", "금요일", "5월 3일"),
    ("星期一", "星期五", "五月三号"),
    ("星期一", "星期五", "五月三號"),
)
SHORT = (
    "great", "thank you", "never again", "too late", "broken", "works fine",
    "좋아요", "감사합니다", "너무 늦어요", "고장났어요", "별로예요", "추천해요",
    "很好", "谢谢", "太慢了", "坏了", "差评", "不错",
    "很好用", "謝謝", "太慢了吧", "壞掉了", "負評", "還不錯",
)  # fmt: skip


def clause(draw: random.Random) -> str:
    """A clause of about 30 tokens; a repetition of a whole one is rare."""
    which = draw.randrange(4)
    glue, parts = _JOINED[which]
    words = {
        "thing": draw.choice(_THINGS[which]),
        "day": draw.choice(_DAYS[which]),
        "n": draw.randrange(10_000, 99_999),
        "k": draw.randrange(2, 90),
        "h": draw.randrange(1, 13),
    }
    return glue.join(draw.choice(choices).format(**words) for choices in parts)


def event(number: int, text: str, draw: random.Random, prefix: str = "load") -> dict[str, Any]:
    """A valid contact event."""
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=number % 600_000)
    return {
        "contact_id": f"{prefix}-{number}",
        "occurred_at": at.isoformat(),
        "channel": draw.choice(CHANNELS),
        "text": text,
        "customer_id": f"customer-{draw.randrange(50_000)}",
        "product": draw.choice(PRODUCTS),
        "region": draw.choice(REGIONS),
    }


def composed(count: int, seed: int = 1, prefix: str = "load") -> Iterator[tuple[bytes, bytes]]:
    """(key, event) of `count` contacts of one clause each, hardly any of them twice."""
    draw = random.Random(seed)
    for number in range(count):
        made = event(number, clause(draw), draw, prefix)
        yield made["contact_id"].encode(), orjson.dumps(made)


def repeated(count: int, seed: int = 1, prefix: str = "load") -> Iterator[tuple[bytes, bytes]]:
    """(key, event) of `count` contacts of short texts that repeat, as ratings' comments do."""
    draw = random.Random(seed)
    for number in range(count):
        made = event(number, draw.choice(SHORT), draw, prefix)
        yield made["contact_id"].encode(), orjson.dumps(made)

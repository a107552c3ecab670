"""Every masker: what has to go, and what has to stay."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.language.mask import KINDS, Masker

MASKER = Masker()

GOES = [
    # telephone numbers
    ("请打我电话13800138000，谢谢", "请打我电话<PHONE>，谢谢"),
    ("我的手机是 138-0013-8000", "我的手机是 <PHONE>"),
    ("+86 138 0013 8000 能联系到我", "<PHONE> 能联系到我"),
    ("座机010-62345678没人接", "座机<PHONE>没人接"),
    ("請打0912-345-678找我", "請打<PHONE>找我"),
    ("公司電話(02)2345-6789", "公司電話<PHONE>"),
    ("+886 912 345 678", "<PHONE>"),
    ("致電 2345 6789 冇人聽", "致電 <PHONE> 冇人聽"),
    ("+852 9123 4567", "<PHONE>"),
    ("제 번호는 010-1234-5678입니다", "제 번호는 <PHONE>입니다"),
    ("02-345-6789로 전화 주세요", "<PHONE>로 전화 주세요"),
    ("call me at (212) 555-0147 please", "call me at <PHONE> please"),
    ("my cell is 212-555-0147.", "my cell is <PHONE>."),
    ("+1 212 555 0147", "<PHONE>"),
    ("ring 020 7946 0018 after six", "ring <PHONE> after six"),
    ("my mobile 07700 900123 is off", "my mobile <PHONE> is off"),
    ("+44 20 7946 0018", "<PHONE>"),
    ("+49 30 901820", "<PHONE>"),
    ("电话：１３８００１３８０００", "电话：<PHONE>"),
    ("手机1\u200b3800\u200b138000", "手机<PHONE>"),
    ("138·0013·8000", "<PHONE>"),
    ("①③⑧⓪⓪①③⑧⓪⓪⓪", "<PHONE>"),
    ("快递 13800138000 不接电话", "快递 <PHONE> 不接电话"),
    ("cancel my order 212-555-0147", "cancel my order <PHONE>"),
    # e-mail
    ("write to kim.minsu+shop@mail.example.com!", "write to <EMAIL>!"),
    ("邮箱abc_123@example.cn回复", "邮箱<EMAIL>回复"),
    ("이메일은 hong@example.co.kr입니다", "이메일은 <EMAIL>입니다"),
    ("ａｂｃ＠ｅｘａｍｐｌｅ．ｃｏｍ", "<EMAIL>"),
    # cards
    ("charged 4111 1111 1111 1111 twice", "charged <CARD> twice"),
    ("5555-5555-5555-4444被盗刷", "<CARD>被盗刷"),
    ("카드 378282246310005 결제", "카드 <CARD> 결제"),
    ("my card 6011111111111117", "my card <CARD>"),
    ("4111.1111.1111.1111", "<CARD>"),
    ("４１１１　１１１１　１１１１　１１１１", "<CARD>"),
    # bank accounts
    ("账号是6222000012345678", "账号是<ACCOUNT>"),
    ("轉到帳戶 012-345678-9 了", "轉到帳戶 <ACCOUNT> 了"),
    ("국민은행 123456-01-234567 입금", "국민은행 <ACCOUNT> 입금"),
    ("account number is 12345678", "account number is <ACCOUNT>"),
    ("我的account 123456789012 错了", "我的account <ACCOUNT> 错了"),
    # identity numbers
    ("身份证11010519491231002X", "身份证<ID>"),
    ("身份证 11010519491231002x。", "身份证 <ID>。"),
    ("110105 19491231 002X", "<ID>"),
    ("證號A123456789", "證號<ID>"),
    ("身份證編號 A123456789", "身份證編號 <ID>"),
    ("a123456789 係我", "<ID> 係我"),
    ("居留證 A800000014", "居留證 <ID>"),
    ("HKID A123456(3)", "HKID <ID>"),
    ("身份證C668668(9)", "身份證<ID>"),
    ("주민번호 900101-1234568", "주민번호 <ID>"),
    ("021103-3999999 제 번호예요", "<ID> 제 번호예요"),
    ("주민등록번호 0211033999999", "주민등록번호 <ID>"),
    # business numbers
    ("사업자번호 1234567891", "사업자번호 <BIZNO>"),
    ("123-45-67891 계산서", "<BIZNO> 계산서"),
    ("統編04595257", "統編<BIZNO>"),
    # passports
    ("passport no. AB1234567", "passport no. <PASSPORT>"),
    ("护照E12345678", "护照<PASSPORT>"),
    ("여권번호 M123A4567", "여권번호 <PASSPORT>"),
    ("号码EA1234567", "号码<PASSPORT>"),
    # addresses
    ("寄到上海市浦东新区世纪大道100号3号楼502室", "寄到<ADDRESS>"),
    ("住在台北市信義區松高路11號5樓", "住在<ADDRESS>"),
    ("서울특별시 강남구 테헤란로 123 5층으로 보내주세요", "<ADDRESS>으로 보내주세요"),
    ("101동 1203호 앞에 두세요", "<ADDRESS> 앞에 두세요"),
    ("deliver to 221 Example Street, Springfield please", "deliver to <ADDRESS> please"),
    ("12 Old Mill Road", "<ADDRESS>"),
    # names
    ("感谢王小明先生的帮助", "感谢<NAME>先生的帮助"),
    ("陳小姐態度很好", "<NAME>小姐態度很好"),
    ("我叫李测试，订单没到", "我叫<NAME>，订单没到"),
    ("收件人：张三丰", "收件人：<NAME>"),
    ("김철수님 감사합니다", "<NAME>님 감사합니다"),
    ("홍길동 씨가 도와줬어요", "<NAME> 씨가 도와줬어요"),
    ("수령인: 홍길동, 예금주는 김철수", "수령인: <NAME>, 예금주는 <NAME>"),
    ("Thanks to Mr. Smith!", "Thanks to Mr. <NAME>!"),
    ("My name is John Doe and I wait", "My name is <NAME> and I wait"),
    ("请让Ms. Example回电", "请让Ms. <NAME>回电"),
    # addresses of machines
    ("blocked from 203.0.113.77 again", "blocked from <IP> again"),
    ("2001:db8:85a3::8a2e:370:7334", "<IP>"),
    ("my ip 10.20.30.40", "my ip <IP>"),
    ("fe80::1 and 2001:0:0:1::2", "<IP> and <IP>"),
    # secrets in URLs
    ("https://u:p@shop.example.com/x", "<URL>"),
    ("see https://shop.example.com/track?token=abc", "see https://shop.example.com/track<URL>"),
]


@pytest.mark.parametrize(("text", "masked"), GOES, ids=[text for text, _ in GOES])
def test_it_goes(text: str, masked: str) -> None:
    assert MASKER.mask(text).text == masked


STAYS = [
    "价格299元，打了8折，省了12345678元",
    "總共NT$1,234,567太貴",
    "39,900원인데 1234567890원 같아요",
    "It cost $1234567890 or USD 12345678",
    "2024-01-15 下单，2024年1月20日才到",
    "2024.01.15 ~ 2024.02.20 기간",
    "20240115 到 20240220",
    "from 2019 2020 to 2021 2022",
    "ordered on 01/15/2024 at 10:30:45",
    "订单号2024010112345678一直没发货",
    "訂單編號 1234567890123",
    "주문번호 20240101-1234567 배송 안 옴",
    "订单：13800138000",
    "order #4111-1111-1111-1111x",
    "order number 9876543210987",
    "tracking no SF1234567890123",
    "型号 A123456789",  # it fits the checksum of an identity number by chance
    "RTX 4090 24GB와 i9-13900K",
    "iPhone 15 Pro Max 256GB",
    "买了10个，每个500ml，共5000ml",
    "12개 샀는데 3개가 불량",
    "3:30 到 18:45 都没人",
    "오후 3시 30분부터 18:45까지",
    "10/10 would buy again, 4.5 stars",
    "评分 9.8/10，5星好评",
    "version 2.1.3.4567 crashed",
    "v10.20.30.40 is broken",
    "版本 1.2.3.4 有问题",
    "firmware 192.168.1.100 beta",
    "0.13800138000 is a number",
    "3.14159265358979",
    "比例 1:2:3，时间 12:34:56",
    "https://shop.example.com/item/12345",
    "www.example.com/help",
    "高速公路很堵，马上到",
    "一路走来，道路不错，号码牌",
    "고객님 감사합니다, 상담원님 친절해요, 기사님 최고",
    "선생님 안녕하세요, 사장님도",
    "我叫左個香草冰，我叫咗杯茶",
    "추운 여름날씨에 함부로 씨부리는 놈들",
    "예금주 정보가 안 보여요, 받는 분 주소가 틀려요",
    "주지사님 뵙고 싶어요",
    "营业到第二天08：:30，12::30开始",
    "Dr Pepper was warm",
    "my name is wrong on the invoice",
    "My name is misspelled",
    "先生您好，小姐你好，这位女士",
    "100번 길을 물어봐도 모른다",
    "3 Big Macs Close to perfect",
    "100 Good Reasons",
    "call 911, or 12345, or 10086",
    "@everyone look at this",
    "price @ 5.99 each",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "温度37.5，湿度60%，重量1234567890g",
    "100% 1000% 10000000%",
    "<b>bold</b> and <PHONE> and <unknown>",
]


@pytest.mark.parametrize("text", STAYS)
def test_it_stays(text: str) -> None:
    masked = MASKER.mask(text)
    assert masked.text == text
    assert masked.counts == {}


def test_finds_are_counted_by_kind() -> None:
    masked = MASKER.mask("13800138000、13900139000 a@example.com")
    assert masked.text == "<PHONE>、<PHONE> <EMAIL>"
    assert masked.counts == {"PHONE": 2, "EMAIL": 1}


def test_a_placeholder_that_came_with_the_text_is_neither_changed_nor_counted() -> None:
    masked = MASKER.mask("<PHONE><EMAIL>13800138000<ID>")
    assert masked.text == "<PHONE><EMAIL><PHONE><ID>"
    assert masked.counts == {"PHONE": 1}


def test_one_thing_that_several_rules_find_is_one_placeholder() -> None:
    masked = MASKER.mask("银行卡4111111111111111")
    assert masked.text == "银行卡<CARD>"


def test_numbers_side_by_side_all_go() -> None:
    text = "4111 1111 1111 1111.5555 5555 5555 4444/13800138000,010-1234-5678"
    assert MASKER.mask(text).text == "<CARD>.<CARD>/<PHONE>,<PHONE>"


def test_a_text_made_to_free_one_number_a_round_ends_without_numbers() -> None:
    masked = MASKER.mask("4111 1111 1111 1111." * 300).text
    assert not any(char.isdigit() for char in masked)
    assert MASKER.mask(masked).text == masked


def test_a_deployment_adds_its_own_patterns() -> None:
    masker = Masker(extra=[("MEMBER", r"M-[0-9]{4}"), ("VIN", r"[A-Z]{3}[0-9]{14}")])
    masked = masker.mask("会员Ｍ－１２３４和 WAU12345678901234, m-1234")
    assert masked.text == "会员<MEMBER>和 <VIN>, m-1234"
    assert masked.counts == {"MEMBER": 1, "VIN": 1}
    assert masker.mask(masked.text).counts == {}


def test_own_patterns_win() -> None:
    masker = Masker(extra=[("HOTLINE", "13800138000")])
    assert masker.mask("13800138000").text == "<HOTLINE>"


@pytest.mark.parametrize(
    ("name", "pattern", "told"),
    [
        ("phone", "x", "placeholder"),
        ("A B", "x", "placeholder"),
        ("A" * 33, "x", "placeholder"),
        ("OK", "(", "not a regular expression"),
        ("OK", "x*", "empty"),
    ],
)
def test_patterns_that_cannot_work_are_refused(name: str, pattern: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Masker(extra=[(name, pattern)])


def test_the_kinds_are_those_of_the_cases() -> None:
    shown = {kind for kind in KINDS if any(f"<{kind}>" in masked for _, masked in GOES)}
    assert shown == set(KINDS)

"""Names where something announces them: a title, an honorific, an introduction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.spans import Rule, Scan, Span

_ZH_SURNAMES = (
    "王李张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇"
    "卢盧蒋蔣蔡贾賈丁魏薛叶葉阎閻余潘杜戴夏钟鍾汪田姜范範方石姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢"
    "汤湯尹黎易武乔喬贺賀赖賴龚龔文庞龐樊兰蘭殷施陶洪翟颜顏倪严嚴牛温溫芦季俞章鲁魯葛伍韦韋申尤毕畢聂聶焦向柳邢路岳齐齊梅莫庄莊辛"
    "管祝左涂塗谷祁耿牟卜詹关關苗凌费費纪紀靳盛童欧歐甄项項曲鲍鮑覃游阮裴席卫衛查屈霍翁隋植甘景薄单柏宁寧柴桂庾"
)
_ZH_DOUBLE = (
    "欧阳|歐陽|司马|司馬|上官|诸葛|諸葛|东方|東方|皇甫|尉迟|尉遲|公孙|公孫|慕容|令狐|司徒|夏侯"
)
_ZH_TITLE = re.compile("先生|小姐|女士|太太")
_ZH_BEFORE = frozenset("和跟找给給请請叫是位的有为為问問与與及、对對由让讓被")
_ZH_INTRODUCED = re.compile(
    r"(?:我叫(?![左咗])|我名叫|名字叫|名字是|本人叫|姓名|收件人|收货人|收貨人|联系人|聯繫人|联络人|聯絡人|寄件人)[是为為:\s]{0,3}"
    rf"((?:{_ZH_DOUBLE}|[{_ZH_SURNAMES}])[一-龥][^我想要的是在你您他她它买買订訂来來了不没沒和,，。！？!?\W_0-9A-Za-z]?)"
)
_ZH_NOT_NAMES = (
    "方式",
    "方法",
    "高速",
    "马上",
    "馬上",
    "金额",
    "金額",
    "路线",
    "关于",
    "關於",
    "何时",
)

_KO_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심"
    "노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설"
)
_KO_NOT_NAMES = frozenset(
    "고객 구매자 주문자 이용자 신청자 문의자 안내원 정비사 배달원 배송원 변호사 조리사"
    " 전문가 한의사 원어민 선생 담당자 상담원 상담사 판매자 소비자 지원자 유치원"
    " 공무원 심사원 전화원 조교수 부기사 방문자 소유자 진행자 지배인 하나 여러분"
    " 도우미 신입원 한국인 주인장 배우자 안경사 노동자 장기사 설계사 설치사 간호사"
    " 고문님 유저 이웃 배달기 차주 기사 손 주인 사장 이모 정직원 신부 조합원 구성원"
    " 이사장 성직자 진료사 공인중 우체부 서비스 백화점 전도사 선교사 강사 교수 원장"
    " 민원인 방송인 연예인 한가지 주지사 도지사 조금 하나하 지금".split()
)
_KO_TITLES = (
    "기사|사장|팀장|과장|부장|대리|점장|실장|원장|교수|선생|박사|간호|직원|매니|상담|고객|회원|작가|감독|대표|주임|이사|강사|국장"
    "|차장|반장|소장|사원|약사|변호|형사|계장|본부|지점|여사|장님"
)
_KO_NAME = (
    r"(?:(?:남궁|황보|제갈|선우|독고|사공)[가-힣]{1,2}"
    rf"|[{_KO_SURNAMES}](?!{_KO_TITLES})[가-힣]{{2}})"
)
_KO_AFTER = r"(?=[^가-힣]|$|가|는|도|를|의|와|이|라|로|한테|에게|께|입니)"
_KO_HONOURED = re.compile(rf"(?<![가-힣])({_KO_NAME})(?=\s?님|(?<!날)\s?씨{_KO_AFTER})")
_KO_INTRODUCED = re.compile(
    rf"(?:이름은|이름이|성함은|성함:|이름:|(?:수령인|받는\s?분|예금주)\s?(?:[:은는]|이름))\s{{0,2}}({_KO_NAME})"
    rf"|(?:저는|제가|나는)\s({_KO_NAME})(?=(?:이?라고|입니다|이에요|예요))"
)

_EN_TITLED = re.compile(
    r"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Madam)\.?\s((?:[A-Z]\.\s?)?[A-Z][A-Za-z'’-]{1,24}"
    r"(?:\s[A-Z][a-z'’-]{1,24})?)"
)
_EN_INTRODUCED = re.compile(
    r"(?<![A-Za-z])(?:[Mm]y (?:full )?name(?: is|'s|’s)|MY NAME IS"
    r"|[Ii] am called|[Nn]ame:|[Rr]ecipient:|[Cc]ardholder:)\s"
    r"([A-Za-z][A-Za-z'’-]{1,24}(?:\s[A-Z][A-Za-z'’-]{1,24}){0,2})"
)
_EN_NOT_NAMES = frozenset(
    "not on in the a an and wrong misspelled misspelt spelled spelt incorrect missing still never"
    " no also used written different changed being there pepper martens oetker jart beats".split()
)


def _zh(scan: Scan) -> Iterator[Span]:
    for title in _ZH_TITLE.finditer(scan.text):
        length = _zh_length(scan.text[max(0, title.start() - 4) : title.start()])
        if length:
            yield Span(title.start() - length, title.start())
    for match in _ZH_INTRODUCED.finditer(scan.text):
        if not match[1].startswith(_ZH_NOT_NAMES):
            yield Span(*match.span(1))


def _zh_length(left: str) -> int:
    """Characters of the name at the end of `left`; 0 if there is none.

    A name after something that is not Chinese, or after a word like 找, is taken whole. Elsewhere
    the shortest is: "感谢王先生" is about 王, although 谢 is a surname too.
    """
    fits = [n for n in (3, 2, 1) if _is_zh_name(left[-n:], n)]
    clear = (n for n in fits if not _is_han(left[-n - 1 : -n]) or left[-n - 1] in _ZH_BEFORE)
    return next(clear, fits[-1] if fits else 0)


def _is_zh_name(name: str, length: int) -> bool:
    if len(name) < length or not all(map(_is_han, name)):
        return False
    if name[0] not in _ZH_SURNAMES and name[:2] not in _ZH_DOUBLE.split("|"):
        return False
    return not (name[:1] == name[1:2] or name.startswith(_ZH_NOT_NAMES))


def _is_han(char: str) -> bool:
    return "一" <= char <= "龥"


def _ko(scan: Scan) -> Iterator[Span]:
    for pattern in (_KO_HONOURED, _KO_INTRODUCED):
        for match in pattern.finditer(scan.text):
            group = match.lastindex or 0
            if match[group] not in _KO_NOT_NAMES:
                yield Span(*match.span(group))


def _en(scan: Scan) -> Iterator[Span]:
    for pattern in (_EN_TITLED, _EN_INTRODUCED):
        for match in pattern.finditer(scan.text):
            if match[1].split()[0].lower() not in _EN_NOT_NAMES:
                yield Span(*match.span(1))


RULES = (
    Rule(
        "NAME", _zh, keys=("先生", "小姐", "女士", "太太", "叫", "名", "件人", "货人", "貨人", "人")
    ),
    Rule(
        "NAME",
        _ko,
        keys=("님", "씨", "이름", "성함", "수령인", "받는", "예금주", "저는", "제가", "나는"),
    ),
    Rule(
        "NAME",
        _en,
        keys=tuple("Mr Ms Miss Mx Dr Prof Sir Madam ame NAME called ecipient ardholder".split()),
    ),
)

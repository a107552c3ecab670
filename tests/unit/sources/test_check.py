from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from pipeline.sources import (
    KINDS,
    Checked,
    Options,
    Shaping,
    SourceError,
    Table,
    check,
    open_source,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTACT = {
    "contact_id": "a1",
    "occurred_at": "2026-03-01T00:00:00Z",
    "channel": "chat",
    "text": "fine",
}
HEADER = "contact_id,occurred_at,channel,text\n"


def _check(
    path: Path, content: bytes | str, kind: str = "contacts", **options: object
) -> list[Checked]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_source(str(path)) as source:
        return list(check(source, KINDS[kind], Options(**options), NOW))  # type: ignore[arg-type]


def _events(found: list[Checked]) -> list[dict[str, object]]:
    assert [each.errors for each in found if each.errors] == []
    return [orjson.loads(each.event) for each in found]


def test_json_lines_are_sent_as_they_are(tmp_path: Path) -> None:
    raw = b'{"contact_id": "a1",  "occurred_at":"2026-03-01T00:00:00Z","channel":"chat","text":"x"}'
    (one,) = _check(tmp_path / "a.jsonl", raw + b"\n")
    assert (one.event, one.key, one.line) == (raw, b"a1", 1)


def test_blank_lines_a_mark_and_windows_line_ends_are_no_faults(tmp_path: Path) -> None:
    line = orjson.dumps(CONTACT)
    found = _check(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line + b"\r\n")
    assert [each.line for each in found] == [1, 3]
    assert all(each.event == line for each in found)


def test_what_is_wrong_with_a_line_is_said_with_its_number(tmp_path: Path) -> None:
    lines = [orjson.dumps(CONTACT), b"{broken", orjson.dumps({**CONTACT, "channel": "pigeon"})]
    found = _check(tmp_path / "a.jsonl", b"\n".join(lines))
    assert [(each.line, bool(each.errors)) for each in found] == [(1, False), (2, True), (3, True)]
    assert found[2].errors[0].field == "channel"
    assert found[1].raw == b"{broken"


def test_a_line_that_is_too_long_costs_no_memory_and_not_its_neighbours(tmp_path: Path) -> None:
    long = orjson.dumps({**CONTACT, "text": "x" * 3_000_000})
    found = _check(tmp_path / "a.jsonl", long + b"\n" + orjson.dumps(CONTACT))
    assert "longer than 262,144 bytes" in found[0].errors[0].message
    assert len(found[0].raw) < 300_000
    assert (found[1].line, found[1].errors) == (2, ())


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "cp949"])
def test_json_lines_in_other_encodings_become_utf8(tmp_path: Path, encoding: str) -> None:
    text = {"gb18030": "客服不好", "big5": "客服不好", "cp949": "배송이 늦어요"}[encoding]
    raw = orjson.dumps({**CONTACT, "text": text}).decode()
    (event,) = _events(_check(tmp_path / "a.jsonl", raw.encode(encoding), encoding=encoding))
    assert event["text"] == text


def test_csv_columns_named_like_fields_need_no_mapping(tmp_path: Path) -> None:
    rows = (
        "Contact_ID,occurred_at,channel,text,order_value,handling.resolved,handling.recovery,shop\n"
        'a1,2026-03-01T00:00:00Z,chat,"two\r\nlines, ""quoted""",12.50,yes,fix;empathy,north\n'
        "a2,2026-03-01T00:00:00Z,chat,x,,,,\n"
    )
    found = _check(tmp_path / "a.csv", rows)
    first, second = _events(found)
    assert first == {
        "contact_id": "a1",
        "occurred_at": "2026-03-01T00:00:00Z",
        "channel": "chat",
        "text": 'two\r\nlines, "quoted"',
        "order_value": 12.5,
        "handling": {"resolved": True, "recovery": ["fix", "empathy"]},
        "attributes": {"shop": "north"},
    }
    assert set(second) == {"contact_id", "occurred_at", "channel", "text"}
    assert [each.line for each in found] == [2, 4], "a quoted line break counts as a line"


def test_mapping_setting_ratings_and_zones(tmp_path: Path) -> None:
    shaping = Shaping(
        maps={
            "contact_id": "번호",
            "occurred_at": "날짜",
            "text": "내용",
            "rating.csat.delivery@satisfaction-1-5": "점수",
        },
        sets={"channel": "survey", "attributes.source": "shop"},
        zone=ZoneInfo("Asia/Seoul"),
        drop_unknown=True,
    )
    rows = "번호,날짜,내용,점수,기타\n1,2026/3/1 오후 3:04,좋아요,5,x\n"
    (event,) = _events(
        _check(tmp_path / "a.csv", rows.encode("cp949"), encoding="auto", shaping=shaping)
    )
    assert event == {
        "contact_id": "1",
        "occurred_at": "2026-03-01T15:04:00+09:00",
        "text": "좋아요",
        "ratings": [
            {"kind": "csat", "dimension": "delivery", "scale": "satisfaction-1-5", "value": 5}
        ],
        "channel": "survey",
        "attributes": {"source": "shop"},
    }


def test_mapping_renames_fields_of_json_lines_too(tmp_path: Path) -> None:
    shaping = Shaping(maps={"text": "body", "occurred_at": "ts"}, zone=ZoneInfo("Asia/Taipei"))
    line = {
        "contact_id": "a1",
        "ts": "2026-03-01 08:00:00",
        "channel": "chat",
        "body": "好",
        "n": 1,
    }
    (event,) = _events(_check(tmp_path / "a.jsonl", orjson.dumps(line), shaping=shaping))
    assert event["text"] == "好"
    assert event["occurred_at"] == "2026-03-01T08:00:00+08:00"
    assert event["n"] == 1


def test_made_ids_are_the_same_whenever_the_file_is_read(tmp_path: Path) -> None:
    rows = "occurred_at,channel,text\n2026-03-01T00:00:00Z,chat,a\n2026-03-01T00:00:00Z,chat,b\n"
    shaping = Shaping(make_ids=True)
    once = [each.key for each in _check(tmp_path / "a.csv", rows, shaping=shaping)]
    turned = "\n".join([rows.split("\n", maxsplit=1)[0], *reversed(rows.split("\n")[1:-1])])
    again = [each.key for each in _check(tmp_path / "b.csv", turned, shaping=shaping)]
    assert len(set(once)) == 2
    assert sorted(once) == sorted(again)


@pytest.mark.parametrize(
    ("maps", "words", "way_out"),
    [
        (
            {"txt": "comment"},
            "txt is not a field of a contact; did you mean text?",
            "attributes.txt",
        ),
        ({"text": "coment"}, "did you mean comment?", "comment"),
        ({"rating.csat": "score"}, "is not a rating", "rating.csat@satisfaction-1-5"),
    ],
)
def test_a_wrong_mapping_is_refused_with_the_way_out(
    tmp_path: Path, maps: dict[str, str], words: str, way_out: str
) -> None:
    with pytest.raises(SourceError) as raised:
        _check(tmp_path / "a.csv", "id,comment,score\n1,x,5\n", shaping=Shaping(maps=maps))
    assert words in raised.value.message
    assert way_out in raised.value.fix


def test_a_csv_without_a_header_is_noticed_and_can_be_named(tmp_path: Path) -> None:
    row = "a1,2026-03-01T00:00:00Z,chat,hello\n"
    with pytest.raises(SourceError, match="names no field"):
        _check(tmp_path / "a.csv", row)
    table = Table(columns=("contact_id", "occurred_at", "channel", "text"))
    (event,) = _events(_check(tmp_path / "a.csv", row, table=table))
    assert event["text"] == "hello"


def test_rows_of_another_width_are_refused_one_by_one(tmp_path: Path) -> None:
    rows = HEADER + "a1,2026-03-01T00:00:00Z,chat\na2,2026-03-01T00:00:00Z,chat,ok\n"
    short, good = _check(tmp_path / "a.csv", rows)
    assert "3 columns, its header 4" in short.errors[0].message
    assert not good.errors


def test_bytes_that_are_no_text_refuse_their_row_alone(tmp_path: Path) -> None:
    good = "a1,2026-03-01T00:00:00Z,chat,좋아요\n" * 3
    bad = b"a2,2026-03-01T00:00:00Z,chat,\xff\xfe\n"
    found = _check(tmp_path / "a.csv", (HEADER + good).encode() + bad)
    assert [bool(each.errors) for each in found] == [False, False, False, True]
    assert "--encoding" in found[-1].errors[0].message
    assert found[-1].raw == bad.rstrip()


def test_a_quote_that_never_ends_is_reported_with_its_line(tmp_path: Path) -> None:
    rows = HEADER + 'a1,2026-03-01T00:00:00Z,chat,ok\na2,x,chat,"open\n' + "x,y\n" * 300_000
    with pytest.raises(SourceError, match="from line 3 on"):
        _check(tmp_path / "a.csv", rows)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    rows = (HEADER + "a1,2026-03-01T00:00:00Z,chat,ok\n").replace(",", delimiter)
    (event,) = _events(_check(tmp_path / "a.csv", rows))
    assert event["channel"] == "chat"


def test_utf16_as_spreadsheets_save_it(tmp_path: Path) -> None:
    rows = (
        (HEADER + "a1,2026-03-01T00:00:00Z,chat,좋아요\n").replace(",", "\t").replace("\n", "\r\n")
    )
    (event,) = _events(_check(tmp_path / "a.txt", rows.encode("utf-16")))
    assert event["text"] == "좋아요"


def test_gzip_is_unpacked_and_damage_is_reported(tmp_path: Path) -> None:
    packed = gzip.compress(orjson.dumps(CONTACT) + b"\n")
    assert len(_events(_check(tmp_path / "a.jsonl.gz", packed))) == 1
    with pytest.raises(SourceError, match="cannot be read"):
        _check(tmp_path / "b.jsonl.gz", packed[:40])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b'[{"a": 1}]', "JSON array"),
        ("a.csv", b"\0\1\2", "binary"),
        ("a.csv", b"text,text\n1,2\n", "twice"),
    ],
)
def test_files_that_are_something_else(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        _check(tmp_path / name, content)


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert _check(tmp_path / "a.jsonl", b"") == []
    assert _check(tmp_path / "a.csv", HEADER) == []


def test_a_missing_file_and_a_folder_are_reported(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"), open_source(str(path)) as source:
            source.sample()


def test_going_on_skips_what_begins_before_the_line(tmp_path: Path) -> None:
    rows = HEADER + 'a1,2026-03-01T00:00:00Z,chat,"x\ny"\na2,2026-03-01T00:00:00Z,chat,ok\n'
    found = _check(tmp_path / "a.csv", rows, first_line=3)
    assert [each.key for each in found] == [b"a2"]


def test_volumes_and_initiatives_have_their_own_fields(tmp_path: Path) -> None:
    volumes = "name,period_start,period_end,value,shop\norders,2026-03-01,2026-03-02,10,A\n"
    shaping = Shaping(zone=ZoneInfo("Asia/Seoul"), drop_unknown=True)
    (volume,) = _events(_check(tmp_path / "v.csv", volumes, "volumes", shaping=shaping))
    assert volume["value"] == 10
    with pytest.raises(SourceError, match="shop is not a field of a volume"):
        _check(tmp_path / "v.csv", volumes, "volumes", shaping=Shaping())
    plan = (
        "initiative_id,title,owner,started_at,topics,slice.region\n"
        "x,T,me,2026-03-01,wait;price_value,north\n"
    )
    (initiative,) = _events(_check(tmp_path / "i.csv", plan, "initiatives", shaping=shaping))
    assert initiative["topics"] == ["wait", "price_value"]
    assert initiative["slice"] == {"region": "north"}


def test_contacts_from_the_future_are_refused(tmp_path: Path) -> None:
    late = orjson.dumps({**CONTACT, "occurred_at": "2026-06-03T00:00:00Z"})
    (found,) = _check(tmp_path / "a.jsonl", late)
    assert "future" in found.errors[0].message

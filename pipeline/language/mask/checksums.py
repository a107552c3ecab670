"""Check digits of identity, business and card numbers. All take plain digits or capital letters."""

from __future__ import annotations

from datetime import date
from string import ascii_uppercase

_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CN_CHECK = "10X98765432"
_CN_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65"
    " 71 81 82 83".split()
)
_TW_LETTERS = {
    letter: code + 10 for code, letter in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO")
}  # the order in which the counties were numbered
_TW_WEIGHTS = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
_KR_RESIDENT_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_KR_BUSINESS_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_TW_BUSINESS_WEIGHTS = (1, 2, 1, 2, 1, 2, 4, 1)
_KR_CENTURY = {"1": 1900, "2": 1900, "3": 2000, "4": 2000, "5": 1900, "6": 1900, "7": 2000}
_KR_CENTURY["8"] = 2000


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: with every second digit doubled, a multiple of 10."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_date(year: int, month: int, day: int) -> bool:
    """Whether the calendar has that day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def cn_resident(number: str) -> bool:
    """GB 11643-1999: province, birth date from 1900 to 2099, ISO 7064 MOD 11-2 over 17 digits."""
    body = number[:17]
    if len(number) != 18 or not body.isdigit() or body[:2] not in _CN_PROVINCES:
        return False
    if body[6:8] not in {"19", "20"} or not is_date(
        int(body[6:10]), int(body[10:12]), int(body[12:14])
    ):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(body, _CN_WEIGHTS, strict=True))
    return _CN_CHECK[total % 11] == number[17]


def tw_resident(number: str) -> bool:
    """National id (A1…, A2…), resident certificate of 2021 (A8…, A9…) and the one before (AA…)."""
    if len(number) != 10 or number[0] not in _TW_LETTERS or not number[2:].isdigit():
        return False
    second = number[1]
    if second in "ABCD":
        second = str(_TW_LETTERS[second] % 10)
    elif second not in "1289":
        return False
    digits = f"{_TW_LETTERS[number[0]]}{second}{number[2:]}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _TW_WEIGHTS, strict=True))
    return total % 10 == 0


def hk_resident(number: str) -> bool:
    """One or two letters, six digits and a check digit 0-9 or A: weights 9 to 1, modulo 11."""
    padded = number.rjust(9)
    letters, digits, check = padded[:2], padded[2:8], padded[8]
    if len(padded) != 9 or not digits.isdigit() or check not in "0123456789A":
        return False
    if letters[1] not in ascii_uppercase or letters[0] not in f" {ascii_uppercase}":
        return False
    values = [36 if letter == " " else ord(letter) - 55 for letter in letters]
    values += [int(digit) for digit in digits]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + int(check, 16)) % 11 == 0


def kr_resident_date(number: str) -> bool:
    """Whether the 13 digits begin with a birth date of the century that the seventh names."""
    century = _KR_CENTURY.get(number[6])
    return century is not None and is_date(
        century + int(number[:2]), int(number[2:4]), int(number[4:6])
    )


def kr_resident_check(number: str) -> bool:
    """The check digit of Korean numbers issued before October 2020; foreigners' is shifted by 2."""
    pairs = zip(number[:12], _KR_RESIDENT_WEIGHTS, strict=True)
    check = 11 - sum(int(digit) * weight for digit, weight in pairs) % 11
    return (check + (2 if number[6] in "5678" else 0)) % 10 == int(number[12])


def kr_business(number: str) -> bool:
    """The ten digits of a Korean business registration number."""
    pairs = zip(number[:9], _KR_BUSINESS_WEIGHTS, strict=True)
    total = sum(int(digit) * weight for digit, weight in pairs) + int(number[8]) * 5 // 10
    return (total + int(number[9])) % 10 == 0


def tw_business(number: str) -> bool:
    """The eight digits of a Taiwan unified business number: modulo 5 since April 2023.

    A product's digits are added up; a seventh digit of 7 makes 10, which counts as 1 or as 0.
    """
    pairs = zip(number, _TW_BUSINESS_WEIGHTS, strict=True)
    total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in pairs)
    return total % 5 == 0 or (number[6] == "7" and (total + 1) % 5 == 0)

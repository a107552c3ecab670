"""What can go wrong between a client and the engine."""

from __future__ import annotations

import re

UNKNOWN_EXCEPTION = 1002
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_SETTING = 115
NOT_ENOUGH_SPACE = 243
QUERY_WAS_CANCELLED = 394
CHECKSUM_DOESNT_MATCH = 40
UNEXPECTED_PACKET = 101
SUPPORT_IS_DISABLED = 344
NO_SUCH_COLUMN_IN_TABLE = 16

_CODE = re.compile(r"Code: (\d+)\.\s*(.*)", re.DOTALL)
_DISK_FULL = re.compile(r"errno: (?:27|28|122)\b|No space left on device|Disk quota exceeded")
"""ENOSPC, and its cousins: a quota (EDQUOT) and a limit on the size of files (EFBIG)."""


class ServerError(Exception):
    """Becomes an exception packet: `code` is ClickHouse's number, the connection lives on."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def from_engine(cls, text: str) -> ServerError:
        """Reads the code out of an engine's message.

        A full disk surfaces under several codes (75, 1001, ...) depending on the call that met it;
        clients retry on 243 only, so that every one of them becomes 243.
        """
        found = _CODE.search(text)
        code, message = (int(found[1]), found[2]) if found else (UNKNOWN_EXCEPTION, text)
        if _DISK_FULL.search(text):
            code = NOT_ENOUGH_SPACE
        return cls(code, message)


class ProtocolError(ServerError):
    """The bytes do not follow the protocol: the connection cannot go on."""

    def __init__(self, message: str, code: int = UNEXPECTED_PACKET) -> None:
        super().__init__(code, message)


class UnsupportedTypeError(ProtocolError):
    """A column type whose end in a block cannot be found."""

    def __init__(self, type_: str) -> None:
        super().__init__(f"the local warehouse cannot read columns of {type_}", NOT_IMPLEMENTED)

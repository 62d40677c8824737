"""Simple MAPI, called through `ctypes`: log on, send a mail, log off.

https://learn.microsoft.com/previous-versions/windows/desktop/windowsmapi/simple-mapi

Each function returns MAPI's code; 0 is success. Texts go as Unicode where the library has ``MAPISendMailW``, else in
the machine's code page. Any library with the same calls can stand in for Windows's: so it is tested elsewhere.

A library is not safe for threads: one thread loads it and makes all calls of a session. `OSError` when it cannot be
loaded, or lacks a call.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from trackkit.domain.mapi import SUCCESS, UNICODE_NOT_SUPPORTED
from trackkit.services.machine import IS_WINDOWS

TO: Final = 1
CC: Final = 2
BCC: Final = 3
"""Classes of recipients."""

_LOGON_UI: Final = 0x1
_NEW_SESSION: Final = 0x2
_DIALOG: Final = 0x8
_NO_POSITION: Final = 0xFFFFFFFF
_CODE_PAGE: Final = "mbcs" if IS_WINDOWS else "utf-8"

_Ulong = ctypes.c_uint32
_Handle = ctypes.c_size_t


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient; `address` empty = the address book is asked for the name."""

    kind: int
    name: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as MAPI takes it."""

    subject: str
    text: str
    recipients: tuple[Recipient, ...]
    files: tuple[tuple[str, str], ...] = ()
    """(path, name to show) of each attachment."""


def _structures(text: type[Any]) -> tuple[type[ctypes.Structure], type[ctypes.Structure], type[ctypes.Structure]]:
    """MapiRecipDesc, MapiFileDesc and MapiMessage, or those with a W at the end, for this type of text."""

    class RecipDesc(ctypes.Structure):
        _fields_ = [
            ("reserved", _Ulong),
            ("recip_class", _Ulong),
            ("name", text),
            ("address", text),
            ("eid_size", _Ulong),
            ("entry_id", ctypes.c_void_p),
        ]

    class FileDesc(ctypes.Structure):
        _fields_ = [
            ("reserved", _Ulong),
            ("flags", _Ulong),
            ("position", _Ulong),
            ("path_name", text),
            ("file_name", text),
            ("file_type", ctypes.c_void_p),
        ]

    class Message(ctypes.Structure):
        _fields_ = [
            ("reserved", _Ulong),
            ("subject", text),
            ("note_text", text),
            ("message_type", text),
            ("date_received", text),
            ("conversation_id", text),
            ("flags", _Ulong),
            ("originator", ctypes.POINTER(RecipDesc)),
            ("recip_count", _Ulong),
            ("recips", ctypes.POINTER(RecipDesc)),
            ("file_count", _Ulong),
            ("files", ctypes.POINTER(FileDesc)),
        ]

    return RecipDesc, FileDesc, Message


_NARROW: Final = _structures(ctypes.c_char_p)
_WIDE: Final = _structures(ctypes.c_wchar_p)


class MapiLibrary:
    """A loaded library."""

    def __init__(self, path: str) -> None:
        library = ctypes.WinDLL(path) if IS_WINDOWS else ctypes.CDLL(path)  # type: ignore[attr-defined,unused-ignore]
        self._logon = _function(
            library, "MAPILogon", _Handle, ctypes.c_char_p, ctypes.c_char_p, _Ulong, _Ulong, ctypes.POINTER(_Handle)
        )
        self._send = _function(library, "MAPISendMail", _Handle, _Handle, ctypes.c_void_p, _Ulong, _Ulong)
        self._logoff = _function(library, "MAPILogoff", _Handle, _Handle, _Ulong, _Ulong)
        has_wide = hasattr(library, "MAPISendMailW")
        self._send_wide = (
            _function(library, "MAPISendMailW", _Handle, _Handle, ctypes.c_void_p, _Ulong, _Ulong) if has_wide else None
        )

    def logon(self, profile: str, password: str, *, may_ask: bool) -> tuple[int, int]:
        """The code, and the session.

        Parameters
        ----------
        profile: empty = the default one.
        may_ask: a window may ask for what is missing.
        """
        session = _Handle(0)
        flags = _NEW_SESSION | (_LOGON_UI if may_ask else 0)
        code = self._logon(0, _narrow(profile) or None, _narrow(password) or None, flags, 0, ctypes.byref(session))
        return code, session.value

    def send(self, session: int, letter: Letter, *, show: bool) -> int:
        """The code; `show`: in a window, where a person sends it."""
        flags = _DIALOG if show else 0
        if self._send_wide is not None:
            code = int(self._send_wide(session, 0, _message(letter, wide=True), flags, 0))
            if code != UNICODE_NOT_SUPPORTED:
                return code
        return int(self._send(session, 0, _message(letter, wide=False), flags, 0))

    def logoff(self, session: int) -> int:
        """The code; a session that is over already is as good as ended."""
        return int(self._logoff(session, 0, 0, 0)) if session else SUCCESS


def _function(library: Any, name: str, *arguments: Any) -> Any:
    try:
        function = getattr(library, name)
    except AttributeError:
        raise OSError(f"the library has no {name}") from None
    function.argtypes, function.restype = arguments, _Ulong
    return function


def _narrow(text: str) -> bytes:
    return text.encode(_CODE_PAGE, "replace")


def _message(letter: Letter, *, wide: bool) -> Any:
    """The message as a structure; it keeps alive what it points to."""
    recip_desc, file_desc, message = _WIDE if wide else _NARROW

    def text(value: str) -> Any:
        return (value if wide else _narrow(value)) or None

    recipients = [recip_desc(0, r.kind, text(r.name), text(r.address), 0, None) for r in letter.recipients]
    files = [file_desc(0, 0, _NO_POSITION, text(path), text(name), None) for path, name in letter.files]
    body = (text(letter.subject), text(letter.text), None, None, None)
    there = (len(recipients), _array(recip_desc, recipients), len(files), _array(file_desc, files))
    return ctypes.byref(message(0, *body, 0, None, *there))


def _array(kind: type[ctypes.Structure], items: Sequence[ctypes.Structure]) -> Any:
    return (kind * len(items))(*items) if items else None

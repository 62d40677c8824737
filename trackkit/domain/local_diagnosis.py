"""The rows of the diagnosis about ways that end on the sending machine: the pickup folder, and MAPI."""

from __future__ import annotations

from typing import Final

from trackkit.domain.evidence import Evidence, Row, failed, waits
from trackkit.domain.fixes import Fix, setting
from trackkit.domain.message import MailType
from trackkit.domain.replies import Failure


def _by_smtp(e: Evidence) -> Fix | None:
    host = e.options.sending.smtp.host
    return setting(f"Send by the SMTP host {host}", sending__method="smtp") if host else None


BEFORE_TRYING: Final = (
    Row(
        "mapi_off",
        lambda e: waits(e) and e.by_mapi and not e.options.sending.mapi.enabled,
        "MAPI is not switched on",
        "{address} is an address of MAPI's, and mail by MAPI is not switched on.",
        "Switch it on, which needs Windows; or give the recipient an Internet address in a new mail.",
        "options.set",
        "sending.mapi.enabled",
    ),
    Row(
        "mapi_paused",
        lambda e: waits(e) and e.by_mapi and e.options.sending.mapi.paused,
        "Mail by MAPI is paused",
        "Mail by MAPI is paused for the whole server, so none of it leaves.",
        "Switch it on again.",
        "options.set",
        "sending.mapi.paused",
        fix=lambda e: setting("Switch mail by MAPI on again", sending__mapi__paused=False),
    ),
)
"""Why mail is not tried at all."""

AFTER_TRYING: Final = (
    Row(
        "pickup_folder",
        failed(Failure.pickup_folder),
        "The pickup folder cannot be used",
        "Mail could not be put into the pickup folder: {text}",
        "Mend the folder, or name another one. {again}",
        "options.set",
        "sending.pickup.folder",
    ),
    Row(
        "method_needs_windows",
        lambda e: failed(Failure.no_mapi)(e) and e.mail_type is not MailType.mapi,
        "The method needs Windows",
        "All mail is to go by MAPI, and that cannot leave from here: {text}",
        "Choose another method: SMTP is recommended. Else run what sends mail on Windows with a mail program.",
        "options.set",
        "sending.method",
        fix=_by_smtp,
    ),
    Row(
        "no_mapi",
        failed(Failure.no_mapi),
        "MAPI needs Windows",
        "Mail by MAPI cannot leave from here: {text}",
        "Run what sends mail by MAPI on Windows with a mail program, or switch MAPI off and use Internet addresses.",
        "options.set",
        "sending.mapi.enabled",
    ),
    Row(
        "mapi_login",
        failed(Failure.mapi_login),
        "The mail program refuses the log-in",
        "MAPI could not be logged in to: {text}",
        "Check profile and password, and that the server's account has that profile. {again}",
        "options.set",
        "sending.mapi.profile",
    ),
    Row(
        "mapi_recipient",
        failed(Failure.mapi_recipient),
        "MAPI does not know the address",
        "MAPI cannot reach {address}: {text}",
        "Check the address: correct it, or delete the mail.",
        "mail.edit_recipient",
    ),
    Row(
        "mapi_failing",
        failed(Failure.mapi_failed),
        "The mail program does not take the mail",
        "MAPI did not take it: {text}",
        "Look at the mail program on the server machine: a window may wait there. Reattempt when the cause is gone.",
        "mail.reattempt",
    ),
)
"""What became of a try."""

"""Ways that end on the server machine, and its clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.bad_queues.case import BY_MAPI, PICKUP, SCRIPTED, Case
from tests.bad_queues.hosts import SECURE
from tests.bad_queues.site import Site
from trackkit.domain.delivery import State

METHOD, HOST, ENCRYPTION = "sending.method", "sending.smtp.host", "sending.smtp.encryption"
FOLDER, MAPI = "sending.pickup.folder", "sending.mapi.enabled"
SET, REATTEMPT = "options.set", "mail.reattempt"


def _take_the_folder_away(site: Site) -> None:
    (folder := site.pickup / "first").mkdir()
    site.change({METHOD: "pickup", FOLDER: str(folder)})
    folder.rmdir()


def _another_folder(site: Site) -> dict[str, object]:
    (folder := site.pickup / "second").mkdir()
    return {FOLDER: str(folder)}


def _uninstall(site: Site) -> None:
    site.change({MAPI: True, METHOD: "mapi"})
    Path(site.mapi.library).rename(site.mapi.folder / "away")


def _install(site: Site) -> None:
    if (away := site.mapi.folder / "away").exists():
        away.rename(site.mapi.library)


def _days_pass(site: Site, queue_id: str) -> None:
    """The host is away for longer than the days to keep trying."""
    site.wait_for(queue_id, State.deferred)
    site.turn_clock(timedelta(days=6))
    site.wake()
    site.wait_for(queue_id, State.failed)


CASES = (
    Case(
        "the pickup folder is away",
        *("pickup_folder", "name another one", SET, FOLDER),
        "another folder named",
        bring=_take_the_folder_away,
        typed=_another_folder,
        arrives=PICKUP,
    ),
    Case(
        "all mail goes by MAPI, and the mail program was uninstalled",
        *("method_needs_windows", "another method", SET, METHOD),
        "another method",
        bring=_uninstall,
        tidy=_install,
    ),
    Case(
        "a recipient is in MAPI's address book, and MAPI is off",
        *("mapi_off", "Switch it on", SET, MAPI),
        "MAPI switched on",
        to="Ann Smith",
        by_mapi=True,
        typed={MAPI: True},
        arrives=BY_MAPI,
    ),
    Case(
        "mail by MAPI was paused and forgotten",
        *("mapi_paused", "Switch it on again", SET, "sending.mapi.paused"),
        "MAPI switched on again",
        options={MAPI: True, "sending.mapi.paused": True},
        to="Ann Smith",
        by_mapi=True,
        arrives=BY_MAPI,
    ),
    Case(
        "MAPI's address book does not know the recipient",
        *("mapi_recipient", "correct it", "mail.edit_recipient", ""),
        "address corrected",
        options={MAPI: True},
        bring=lambda site: site.mapi.says("unknown", "Anne Smith"),
        to="Anne Smith",
        by_mapi=True,
        correct="Ann Smith",
        arrives=BY_MAPI,
    ),
    Case(
        "the server machine's clock is wrong by days",
        *("certificate_not_valid_yet", "clock right", REATTEMPT, ""),
        "clock put right, reattempted",
        options={HOST: SECURE, ENCRYPTION: "starttls"},
        bring=lambda site: site.turn_clock(timedelta(days=-2)),
        mend=lambda site: site.turn_clock(timedelta(0)),
    ),
    Case(
        "the mail host was away for longer than the days to keep trying",
        *("host_unreachable", "The days to keep trying are over", SET, HOST),
        "host started again, reattempted",
        options={HOST: "dropping.test"},
        then=_days_pass,
        mend=lambda site: site.host("dropping.test"),
        arrives=SCRIPTED,
        tidy=lambda site: site.turn_clock(timedelta(0)),
    ),
)

"""Mails about log entries through a running server and a real SMTP conversation; many at once: `tests/faults`."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest

from tests.acceptance.conftest import House
from tests.peers.raw_sink import RawSink, Taken
from tests.ports import wait_until
from trackkit.domain.errors import InvalidInput, WrongLogin

SECRET = "hunter2-and-more"


def fail_to_log_in(house: House, name: str) -> None:
    with pytest.raises(WrongLogin):
        house.server.connect(name, "wrong password")


def about_the_log(sink: RawSink) -> list[Taken]:
    return [taken for taken in list(sink.taken) if b"[trackkit]" in taken.content]


@pytest.mark.spec("7: log: e-mailed entries: level, address, return address")
def test_entries_are_mailed_by_level_to_the_address(house: House, raw_sink: RawSink) -> None:
    with pytest.raises(InvalidInput, match="email_to"):
        house.admin.options.set({"log.email_level": "unusual_activity"})
    house.admin.options.set(
        {
            "sending.smtp.host": "127.0.0.1",
            "sending.smtp.port": raw_sink.port,
            "sending.smtp.encryption": "none",
            "sending.smtp.password": SECRET,
            "log.email_level": "unusual_activity",
            "log.email_to": "admin@sink.test",
            "log.email_return_address": "log@here.test",
            "log.email_window_seconds": 1,
        }
    )
    house.admin.options.set({"sending.timing.days": 8})  # an Information: less severe
    fail_to_log_in(house, f"mallory {SECRET}")
    fail_to_log_in(house, "<b>mallory</b>\r\nBcc: x@y.test")
    [taken] = wait_until(lambda: about_the_log(raw_sink), what="the mail")
    assert (taken.mail_from, taken.rcpt_tos) == ("log@here.test", ("admin@sink.test",))
    message = message_from_bytes(taken.content, policy=default)
    text = message.get_content()
    assert str(message["Subject"]).startswith("[trackkit] 2 Unusual Activity on ")
    assert (message["From"], message["To"]) == ("trackkit <log@here.test>", "admin@sink.test")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert "Failed log-in as 'mallory [secret removed]'." in text
    assert SECRET not in taken.content.decode()
    assert not message["Bcc"]
    assert "Option" not in text
    house.admin.options.set({"log.email_level": "off"})


@pytest.mark.spec("4: Severe Error: notification failures")
def test_a_mail_about_the_log_that_fails_for_good_is_a_severe_error(house: House, raw_sink: RawSink) -> None:
    raw_sink.refuse["gone@sink.test"] = "550 5.1.1 no such user"
    house.admin.options.set(
        {
            "sending.smtp.host": "127.0.0.1",
            "sending.smtp.port": raw_sink.port,
            "sending.smtp.encryption": "none",
            "log.email_level": "unusual_activity",
            "log.email_to": "gone@sink.test",
            "log.email_return_address": None,
            "log.email_window_seconds": 1,
        }
    )
    fail_to_log_in(house, "mallory")
    [entry] = wait_until(
        lambda: house.admin.log.list("severe_error", "only", text="gone@sink.test").entries, what="the entry"
    )
    assert "550" in entry.details
    [failed] = [message for message in house.admin.mail.each() if "[trackkit]" in message.subject]
    assert failed.state == "failed"
    house.admin.options.set({"log.email_to": "admin@sink.test"})
    fail_to_log_in(house, "mallory again")
    [taken] = wait_until(lambda: about_the_log(raw_sink), what="the next mail")
    assert b"An earlier mail about 1 entries could not be delivered." not in taken.content
    assert b"An earlier mail about 1 entry could not be delivered." in taken.content
    assert b"1 Unusual Activity" in taken.content, "the severe error is not mailed"
    assert b"Severe Error" not in taken.content
    house.admin.options.set({"log.email_level": "off"})


@pytest.mark.spec("7: log: e-mailed entries: other address types are skipped with the reason")
def test_mapi_addresses_are_skipped(house: House, raw_sink: RawSink) -> None:
    state = house.admin.options.set(
        {
            "log.email_level": "unusual_activity",
            "log.email_to": "Anybody in the address book",
            "log.email_address_type": "mapi",
            "log.email_window_seconds": 1,
        }
    )
    assert any("MAPI" in warning for warning in state.warnings)
    fail_to_log_in(house, "mallory")
    [entry] = wait_until(
        lambda: house.admin.log.list("warning", "only", text="1 log entry was not e-mailed").entries,
        what="the reason",
    )
    assert "needs Windows" in entry.message
    assert about_the_log(raw_sink) == []
    house.admin.options.set({"log.email_level": "off", "log.email_address_type": "internet", "log.email_to": None})

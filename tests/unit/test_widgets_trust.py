"""The page of the trust manager and its way in from the sending options, over a fake API: buttons pressed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import ipywidgets as w
import pytest

from tests.certificates import authority, certificate
from tests.unit import client_peers as peers
from tests.unit import trust_answers as answers
from tests.unit.page_hands import answer
from trackkit.client import Server
from trackkit.contract import trust as contract
from trackkit.domain.accounts import Role
from trackkit.domain.errors import Conflict
from trackkit.widgets.problems import Trouble
from trackkit.widgets.sending_options import sending_options_page
from trackkit.widgets.trust_panel import TrustPanel, trust_page
from trackkit.widgets.trust_tables import trusted_table


@pytest.fixture
def panel(server: Server) -> TrustPanel:
    return TrustPanel(server, Trouble())


def test_both_lists_say_what_there_is_to_compare(panel: TrustPanel) -> None:
    for text in (answers.UNTRUSTED.fingerprint, "it is self-signed", "issued by itself", "made for relay.example"):
        assert text in panel.untrusted.value
    assert "recipient&#x27;s domain asks for this proof (MTA-STS)" in panel.untrusted.value
    assert "every host" in panel.trusted.value
    assert "to 2027-01-01" in panel.trusted.value
    assert "from 2026-01-01" in panel.trusted.value
    assert [key for _, key in panel.wanted.options] == [3, 4]
    assert [key for _, key in panel.unwanted.options] == [5, 6]


def test_one_click_asks_with_the_fingerprint_then_trusts(panel: TrustPanel, api: peers.ApiServer) -> None:
    panel.buttons["Trust"].click()
    words = answer(panel.asking, False)
    for text in (answers.UNTRUSTED.fingerprint, "CN=relay.example", "2026-01-01 to 2027-01-01", "it is self-signed"):
        assert text in words
    assert "trust.add" not in api.calls()
    panel.buttons["Trust"].click()
    answer(panel.asking, True)
    assert api.last("trust.add").fields == {"certificate_id": 3}
    assert "2 messages that waited for it are made due now" in panel.said.value
    assert panel.code.code.endswith("server.trust.add(3)")


def test_what_a_domain_asks_for_cannot_be_clicked_away(panel: TrustPanel, api: peers.ApiServer) -> None:
    panel.wanted.value = 4
    panel.buttons["Trust"].click()
    assert "recipient&#x27;s domain asks for this proof" in panel.trouble.line.value
    assert panel.asking.children == ()
    api.answers["trust.list"] = contract.TrustList(untrusted=(answers.OF_A_DOMAIN,), trusted=())
    panel.refresh()
    assert panel.buttons["Trust"].disabled
    assert not panel.buttons["Forget"].disabled


def test_trust_is_taken_back_and_untrusted_ones_are_forgotten(panel: TrustPanel, api: peers.ApiServer) -> None:
    panel.unwanted.value = 6
    panel.buttons["Remove"].click()
    assert "(every host) no more?" in answer(panel.removing, True)
    assert api.last("trust.remove").fields["certificate_id"] == "6"
    assert "is not trusted any more" in panel.said.value
    panel.buttons["Forget"].click()
    assert "comes back when it is shown again" in answer(panel.asking, False)
    assert len([name for name in api.calls() if name == "trust.remove"]) == 1


def test_a_file_is_described_then_trusted_for_its_place(panel: TrustPanel, api: peers.ApiServer) -> None:
    panel.buttons["Upload"].click()
    form = panel.form
    assert form is not None
    assert form.fields.values == {"host": "relay.example", "port": "587"}, "that of the chosen one"
    made = certificate()
    choose(form.upload, made.key_pem + made.pem)
    assert "private key" in form.trouble.line.value
    assert "trust.upload" not in api.calls(), "a key stays here"
    choose(form.upload, made.pem)
    assert api.last("trust.upload").fields["preview"] is True
    assert form.upload.value == ()
    assert "Trust this certificate for relay.example:587?" in answer(form.asking, True)
    sent = api.last("trust.upload").fields
    assert base64.b64decode(sent["certificate"]) == made.der
    assert (sent["host"], sent["port"], sent["preview"]) == ("relay.example", 587, False)
    assert panel.form is None
    assert panel.code.code.endswith("server.trust.upload('mine.pem', 'relay.example', 587)")


def test_what_is_wrong_with_an_upload_is_said_beside_it(panel: TrustPanel, api: peers.ApiServer) -> None:
    panel.buttons["Upload"].click()
    form = panel.form
    assert form is not None
    form.fields.put("port", "smtp")
    choose(form.upload, authority().pem)
    assert form.fields.messages == {"port": "is no number"}
    form.fields.put("port", "25")
    api.answers["trust.upload"] = Conflict("This certificate is trusted already for relay.example:25.")
    choose(form.upload, authority().pem)
    assert "trusted already" in form.trouble.line.value
    form.cancel.click()
    assert panel.form_box.children == ()


def choose(upload: w.FileUpload, content: bytes) -> None:
    """Choose a file, as a browser hands it over."""
    given = {
        "name": "mine.pem",
        "type": "",
        "size": len(content),
        "content": content,
        "last_modified": datetime.now(UTC),
    }
    upload.value = (given,)


def test_who_may_not_trust_sees_the_lists_and_no_buttons(server: Server, api: peers.ApiServer) -> None:
    server._who = server.session().model_copy(update={"role": Role.viewer})
    panel = TrustPanel(server, Trouble())
    assert answers.UNTRUSTED.fingerprint in panel.untrusted.value
    shown = described(panel.widget)
    assert "Refresh" in shown
    assert not {"Trust", "Forget", "Remove", "Upload"} & set(shown)


def described(widget: w.Widget) -> list[str]:
    """The words on every button in it."""
    if isinstance(widget, w.Button):
        return [widget.description]
    return [words for child in getattr(widget, "children", ()) for words in described(child)]


def test_the_page_and_the_way_from_the_encryption_choice(server: Server) -> None:
    assert "Trust" in described(trust_page(server))
    page = sending_options_page(server)
    assert "Trust" not in described(page)
    (fields,) = [one for one in everything(page) if getattr(one, "beside", None)]
    assert fields.beside == {"sending.smtp.host": "Suggest settings", "sending.smtp.encryption": "Trust manager"}
    fields._handle_custom_msg({"pressed": "sending.smtp.encryption"}, [])
    assert "Trust" in described(page)


def everything(widget: w.Widget) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def test_a_certificate_that_ends_soon_is_marked() -> None:
    day = answers.TRUSTED.valid_until
    assert day is not None
    assert "tk-warn" in trusted_table([answers.TRUSTED], day.date())
    assert "tk-warn" not in trusted_table([answers.TRUSTED], day.date().replace(year=2026))
    assert "No certificate is trusted" in trusted_table([], day.date())

"""What a reply says without what it quotes and signs with: in many languages and forms, and nothing is ever lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import inbound_scores
from trackkit.domain.tracking.html_text import html_text
from trackkit.domain.tracking.reply_text import LONGEST, trimmed

ANSWER = "Thanks, that fixed it.\n\nThe other report stays open."

ATTRIBUTIONS = [
    "On Tue, 3 Mar 2026 at 14:05, Ann Lee <ann@example.org> wrote:",
    "On Mar 3, 2026, at 2:05 PM, Ann Lee wrote:",
    "On 3/3/26 2:05 PM, Ann Lee wrote:",
    "On Tuesday, March 3rd, 2026 at 14:05, Ann Lee\n<ann@example.org> wrote:",
    "On Tue, Mar 3, 2026 at 2:05 PM Ann Lee via Tracker <\ntracking+tk1abc@example.org> wrote:",
    "Ann Lee <ann@example.org> writes:",
    "Ann Lee wrote on 03/03/2026 14:05:",
    "Quoting Ann Lee <ann@example.org>:",
    "Zitat von Ann Lee <ann@example.org>:",
    "Ann Lee <ann@example.org> said:",
    "On Tue, Mar 03, 2026 at 02:05:00PM +0100, Ann Lee wrote:",
    "Am 2026-03-03 14:05, schrieb Ann Lee:",
    "    On Tuesday, March 3, 2026, 02:05:00 PM GMT+1, Ann Lee <ann@example.org> wrote:",
    "At 02:05 PM 3/3/2026, you wrote:",
    "---- On Tue, 03 Mar 2026 14:05:00 +0100 Ann Lee <ann@example.org> wrote ----",
    "2026-03-03 14:05 GMT+01:00 Ann Lee <ann@example.org>:",
    "Am 03.03.2026 um 14:05 schrieb Ann Lee:",
    "Am Di., 3. März 2026 um 14:05 Uhr schrieb Ann Lee <ann@example.org>:",
    "Ann Lee <ann@example.org> schrieb am Di., 3. März 2026, 14:05:",
    "Le mar. 3 mars 2026 à 14:05, Ann Lee <ann@example.org> a écrit :",
    "Le 03/03/2026 à 14:05, Ann Lee a écrit :",
    "El mar, 3 mar 2026 a las 14:05, Ann Lee (<ann@example.org>)\nescribió:",
    "El 03/03/2026 a las 14:05, Ann Lee escribió:",
    "Il giorno mar 3 mar 2026 alle ore 14:05 Ann Lee <ann@example.org>\nha scritto:",
    "Em ter., 3 de mar. de 2026 às 14:05, Ann Lee <ann@example.org>\nescreveu:",
    "Op di 3 mrt 2026 om 14:05 schreef Ann Lee <ann@example.org>:",
    "Den tis 3 mars 2026 kl 14:05 skrev Ann Lee <ann@example.org>:",
    "tir. 3. mar. 2026 kl. 14:05 skrev Ann Lee <ann@example.org>:",
    "Den 03.03.2026 14:05, skrev Ann Lee:",
    "ti 3. maalisk. 2026 klo 14.05 Ann Lee (ann@example.org) kirjoitti:",
    "wt., 3 mar 2026 o 14:05 Ann Lee <ann@example.org> napisał(a):",
    "W dniu 3.03.2026 o 14:05, Ann Lee pisze:",
    "út 3. 3. 2026 v 14:05 odesílatel Ann Lee <ann@example.org> napsal:",
    "ut 3. 3. 2026 o 14:05 Ann Lee <ann@example.org> napísal(a):",
    "вт, 3 мар. 2026 г. в 14:05, Ann Lee <ann@example.org>:",
    "3 марта 2026 г., 14:05, Ann Lee написал:",
    "вт, 3 бер. 2026 р. о 14:05 Ann Lee <ann@example.org> пише:",
    "Ann Lee <ann@example.org> ezt írta (időpont: 2026. márc. 3., K, 14:05):",
    "Ann Lee <ann@example.org>, 3 Mar 2026 Sal, 14:05 tarihinde şunu yazdı:",
    "Στις Τρί 3 Μαρ 2026 στις 2:05 μ.μ., ο χρήστης Ann Lee <ann@example.org> έγραψε:",
    "mar., 3 mar. 2026 la 14:05, Ann Lee <ann@example.org> a scris:",
    "uto, 3. ožu 2026. u 14:05 Ann Lee <ann@example.org> je napisao/la:",
    "2026年3月3日(火) 14:05 Ann Lee <ann@example.org>:",
    "Ann Lee <ann@example.org> 于2026年3月3日周二 14:05写道：",
    "在 2026年3月3日，14:05，Ann Lee <ann@example.org> 写道：",
    "2026년 3월 3일 (화) 오후 2:05, Ann Lee <ann@example.org>님이 작성:",
    "‫בתאריך יום ג׳, 3 במרץ 2026 ב-14:05 מאת ‪Ann Lee‬‏ <‪ann@example.org‬‏>:‬",
]

HEADERS = [
    "From: Ann Lee <ann@example.org>\nSent: Tuesday, March 3, 2026 2:05 PM\nTo: Bob\nSubject: Crash",
    "-----Original Message-----\nFrom: Ann Lee\nSent: Tuesday, March 3, 2026 2:05 PM\nTo: Bob\nSubject: Crash",
    "________\nFrom: Ann Lee <ann@example.org>\nSent: 03 March 2026 14:05\nTo: Bob\nSubject: Crash",
    "-----Ann Lee/ORG wrote: -----\nTo: Bob\nFrom: Ann\nDate: 03/03/2026",
    "----- Mail original -----\nDe: Ann\nÀ: Bob\nEnvoyé: Mardi 3 Mars 2026\nObjet: Plantage",
    "Von: Ann Lee <ann@example.org>\nGesendet: Dienstag, 3. März 2026 14:05\nAn: Bob\nBetreff: Absturz",
    "De : Ann Lee <ann@example.org>\nEnvoyé : mardi 3 mars 2026 14:05\nÀ : Bob\nObjet : Plantage",
    "De: Ann Lee <ann@example.org>\nEnviado el: martes, 3 de marzo de 2026 14:05\nPara: Bob\nAsunto: Fallo",
    "Da: Ann Lee <ann@example.org>\nInviato: martedì 3 marzo 2026 14:05\nA: Bob\nOggetto: Errore",
    "De: Ann Lee <ann@example.org>\nEnviada em: terça-feira, 3 de março de 2026 14:05\nPara: Bob\nAssunto: Falha",
    "Van: Ann Lee <ann@example.org>\nVerzonden: dinsdag 3 maart 2026 14:05\nAan: Bob\nOnderwerp: Crash",
    "Från: Ann Lee <ann@example.org>\nSkickat: den 3 mars 2026 14:05\nTill: Bob\nÄmne: Krasch",
    "Fra: Ann Lee <ann@example.org>\nSendt: 3. marts 2026 14:05\nTil: Bob\nEmne: Fejl",
    "Lähettäjä: Ann Lee\nLähetetty: tiistai 3. maaliskuuta 2026 14.05\nVastaanottaja: Bob\nAihe: Virhe",
    "Od: Ann Lee <ann@example.org>\nWysłano: wtorek, 3 marca 2026 14:05\nDo: Bob\nTemat: Awaria",
    "От: Ann Lee <ann@example.org>\nОтправлено: 3 марта 2026 г. 14:05\nКому: Bob\nТема: Сбой",
    "发件人: Ann Lee <ann@example.org>\n发送时间: 2026年3月3日 14:05\n收件人: Bob\n主题: 崩溃",
    "差出人: Ann Lee <ann@example.org>\n送信日時: 2026年3月3日 14:05\n宛先: Bob\n件名: クラッシュ",
    "*From:* Ann Lee [mailto:ann@example.org]\n*Sent:* March 3, 2026\n*To:* Carl;\n Dora\n*Subject:* Crash",
    "---------- Forwarded message ---------\nFrom: Ann Lee\nDate: Tue, Mar 3, 2026\nSubject: Crash\nTo: Bob",
    "Begin forwarded message:\n\nFrom: Ann\nSubject: Crash\nDate: March 3, 2026\nTo: Bob",
    "-------- Ursprüngliche Nachricht --------\nVon: Ann Lee\nDatum: 03.03.26 14:05\nAn: Bob\nBetreff: Absturz",
    "-------- Message d'origine --------\nDe : Ann Lee\nDate : 03/03/2026 14:05 (GMT+01:00)\nÀ : Bob\nObjet : Plantage",
]

SIGNATURES = [
    "-- \nBob Ray\nExample Ltd",
    "--\nBob Ray",
    "____________\nBob Ray, Example Ltd",
    "Sent from my iPhone",
    "Sent from my Galaxy",
    "Sent via my mobile",
    "Get Outlook for Android",
    "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "Sent from a mobile device",
    "Outlook für Android<https://aka.ms/x> herunterladen",
    "Obtener Outlook para Android",
    "Sent from Yahoo Mail on Android",
    "Sent from Mail for Windows",
    "Bob from mobile",
    "via Newton Mail",
    "(sent from my phone)",
    "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----",
    "Von meinem iPhone gesendet",
    "Gesendet von meinem Mobiltelefon",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Inviato da iPhone",
    "Enviado do meu iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Wysłane z iPhone'a",
    "Отправлено с iPhone",
    "iPhoneから送信",
    "发自我的iPhone",
]


def _quoted(text: str) -> str:
    return "".join(f"> {line}\n" for line in text.splitlines())


QUOTE = _quoted("It crashes at start.\n\nSee the log: From: here\n-- \nAnn")


ORIGINAL = "It crashes at start.\n\nSee the log.\n\nAnn\n" * 4


def _wrong(mails: dict[str, str], kept: str = ANSWER) -> dict[str, str]:
    """Of mails by what is special about each, what is kept of those of which it is something else."""
    return {name: found for name, text in mails.items() if (found := trimmed(text).kept) != kept}


def test_a_quote_below_an_answer_is_cut_with_its_attribution() -> None:
    assert not _wrong({one: f"{ANSWER}\n\n{one}\n\n{QUOTE}" for one in ATTRIBUTIONS})
    assert not _wrong({one: f"{ANSWER}\n{one}\n{QUOTE}\n" for one in ATTRIBUTIONS})


def test_an_original_that_nothing_marks_but_its_attribution_is_cut() -> None:
    assert not _wrong({one: f"{ANSWER}\n\n{one}\n\n{ORIGINAL}" for one in ATTRIBUTIONS})


def test_an_answer_below_the_quote_is_what_was_written() -> None:
    assert not _wrong({one: f"{one}\n\n{QUOTE}\n{ANSWER}\n" for one in ATTRIBUTIONS})


def test_between_answers_quotes_stay() -> None:
    kept = "> Does it crash?\n\nYes.\n\n> Always?\n\nNo."
    assert not _wrong({one: f"{one}\n{kept}\n\n-- \nBob" for one in ATTRIBUTIONS}, kept)


def test_header_lines_end_an_answer() -> None:
    assert not _wrong({one: f"{ANSWER}\n\n{one}\n\n{ORIGINAL}" for one in HEADERS})


def test_signatures_are_cut() -> None:
    assert not _wrong({one: f"{ANSWER}\n\n{one}\n" for one in SIGNATURES})
    assert not _wrong({one: f"{ANSWER}\n\n{one}\n\n{ATTRIBUTIONS[0]}\n{QUOTE}" for one in SIGNATURES})


def test_what_names_a_writer_only_is_an_attribution_above_a_quote() -> None:
    assert trimmed(f"{ANSWER}\n\nAnn Lee wrote:\n> It crashes.\n").kept == ANSWER
    assert trimmed("Ann Lee wrote:\n\nnothing.").kept == "Ann Lee wrote:\n\nnothing."
    assert trimmed(f"{ANSWER}\n\nOn 3 Mar 2026 Ann Lee wrote:\n\nAnn> It crashes.\nAnn> Always.\n").kept == ANSWER


def test_a_greeting_above_the_quote_does_not_make_the_answer_below_a_signature() -> None:
    kept = trimmed(f"Hi Ann,\n\n{ATTRIBUTIONS[0]}\n> Does it crash?\n\nYes, always.\n").kept
    assert kept == "Hi Ann,\n\n> Does it crash?\n\nYes, always."


@pytest.mark.parametrize(
    "text",
    [
        "Steps:\n\n1. open\n2. crash",
        "From: the menu\nTo: the toolbar",
        "The log says\n\n    ERROR 12:05 x wrote y: failed\n\nand stops.",
        "A heading\n=========\n\nText below.",
        "Code:\n\n```\n# a\n----\n> b\n-- \n```\n\nafter.",
        "He wrote:\nnothing at all.",
        "I met Ann on Monday. She wrote nothing.",
        "x -> y\n* a\n* b --\n",
        "Sent from my point of view this is a long sentence about how the mail was sent to us, which is text " * 2,
        "Ich habe die Datei gestern gesendet.",
        "Sent via the API, the request fails.",
        "Dosya dün gönderildi.",
        "Outlook für Android stürzt ab.",
        "Get the log for Outlook.",
        "The numbers:\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "I ran this:\n\n> make all\n> make test",
        "Then:\n\nsqlite> select 1;\nmysql> select 2;",
        "> only a quote\n> of somebody",
    ],
)
def test_what_only_looks_like_a_mark_is_kept(text: str) -> None:
    assert trimmed(text).kept == text.strip()


def test_a_signed_text_is_read_without_its_armour() -> None:
    text = f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{ANSWER}\n-----BEGIN PGP SIGNATURE-----\n\nx\n"
    assert trimmed(text + "-----END PGP SIGNATURE-----\n").kept == ANSWER


def test_an_empty_line_of_code_above_a_quote_is_no_greeting() -> None:
    text = "-----BEGIN PGP SIGNED MESSAGE-----\n```\n\n\nOn 2024-01-01, Ann <ann@example.org> wrote:\nAnn> hi\n```\n"
    assert "".join(piece.text for piece in trimmed(text).pieces) == text


GMAIL = (
    '<div dir="ltr"><div>Thanks, that fixed it.</div><div><br></div><div>The other report stays open.</div></div><br>'
    '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Tue, Mar 3, 2026 at 2:05 PM Ann Lee &lt;'
    '<a href="mailto:ann@example.org">ann@example.org</a>&gt; wrote:<br></div><blockquote class="gmail_quote" '
    'style="margin:0"><div>It crashes.<br>Always.</div></blockquote></div>'
)
OUTLOOK = (
    "<html><head><style>p {color: red}</style><title>x</title></head><body><p class=MsoNormal>Thanks, that fixed it."
    "<o:p></o:p></p><p class=MsoNormal>The other report stays open.<o:p></o:p></p><p class=MsoNormal>&nbsp;</p>"
    "<div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Ann Lee"
    "<br><b>Sent:</b> Tuesday, March 3, 2026 2:05 PM<br><b>To:</b> Bob<br><b>Subject:</b> Crash</p></div>"
    "<p class=MsoNormal>It crashes.</p></body></html>"
)
APPLE = (
    "<html><body>Thanks, that fixed it.<div><br></div><div>The other report stays open.<br><div><br><blockquote "
    'type="cite"><div>On 3 Mar 2026, at 14:05, Ann Lee &lt;ann@example.org&gt; wrote:</div><br><div>It crashes.</div>'
    "</blockquote></div></div></body></html>"
)
OUTLOOK_WEB = (
    "<div>Thanks, that fixed it.</div><div><br></div><div>The other report stays open.</div>"
    '<hr style="width:98%"><div id="divRplyFwdMsg"><b>Von:</b> Ann Lee<br><b>Gesendet:</b> Dienstag, 3. März 2026'
    "<br><b>An:</b> Bob<br><b>Betreff:</b> Absturz</div><div>It crashes.</div>"
)


@pytest.mark.parametrize("html", [GMAIL, OUTLOOK, APPLE, OUTLOOK_WEB])
def test_replies_in_html_only_are_read_as_text(html: str) -> None:
    assert trimmed(html_text(html)).kept == ANSWER


def test_a_signature_that_html_marks_as_one_is_cut() -> None:
    html = "<p>Thanks, that fixed it.</p><p>The other report stays open.</p><div id='Signature'><p>Bob Ray</p></div>"
    assert trimmed(html_text(html)).kept == ANSWER


def test_html_becomes_the_text_that_is_seen() -> None:
    html = (
        "<script>alert(1)</script><!-- <p>no --><h1>A &amp; B</h1><ul><li>one<li>two</ul><pre>a\n  b</pre>"
        "<table><tr><td>1</td><td>2</td></tr></table>1 < 2<br>x<style>p{}"
    )
    assert html_text(html) == "A & B\n\n* one\n* two\na\n  b\n1 2\n1 < 2\nx\n"
    assert html_text("<blockquote>a<blockquote>b</blockquote></blockquote>c") == "> a\n>> b\nc\n"


LINES = st.sampled_from(
    [
        *ATTRIBUTIONS,
        *HEADERS,
        *SIGNATURES,
        "",
        " ",
        ">",
        "> a",
        ">> b",
        "text",
        "```",
        "From: x",
        "wrote:",
        "--",
        "____",
    ]
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=30).map("\n".join))
@example("\r\r\n\x0b\x1c")
@example("a" * (LONGEST + 5))
def test_nothing_is_ever_lost(text: str) -> None:
    found = trimmed(text)
    assert "".join(piece.text for piece in found.pieces) == text
    assert found.kept or not text.strip()


def test_what_is_too_long_to_be_looked_at_goes_with_what_stands_before_it() -> None:
    long = f"{ANSWER}\n\n{ATTRIBUTIONS[0]}\n" + "> quoted\n" * LONGEST
    assert trimmed(long).kept == ANSWER
    assert trimmed("x" * LONGEST + "yz").kept.endswith("xyz")


def test_an_answer_keeps_its_indentation() -> None:
    assert trimmed(f"\n  \n    code()\n\n{ATTRIBUTIONS[0]}\n> x\n").kept == "    code()"


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="<>/!-abp&;# \n\"'=", max_size=200))
def test_html_of_any_kind_is_read(text: str) -> None:
    html_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "1:00 wrote " * 9000 + ":",
        ("1:00 wrote " * 40 + ":\n") * 250,
        "a:\n" * 10_000,
        ("_" * 999 + " x\n") * 100,
        "On 1 May 2016 a <a@b.cc> wrote:\n" * 3000,
        "<" * 100_000,
    ],
)
def test_work_is_bounded(text: str) -> None:
    """In processor time, generously: what was quadratic took minutes."""
    before = time.process_time()
    trimmed(text)
    html_text(text)
    assert time.process_time() - before < 5


@pytest.mark.corpus
@pytest.mark.usefixtures("corpus_messages")
def test_score_on_real_replies() -> None:
    score = inbound_scores.replies()
    assert score.right >= 52, score.wrong

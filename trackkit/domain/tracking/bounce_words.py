"""Words by which bounces say what they are: one table a sign, a row for each kind of words or each language.

Adding a program or a language is adding a row, in small letters. The patterns are searched in folded texts of bounded
length; gaps in them are bounded, so that each takes time in proportion to the text.
"""

from __future__ import annotations

import re
from typing import Final

from trackkit.domain.tracking.folded import pattern


def _any(*rows: str) -> re.Pattern[str]:
    return pattern("|".join(rows), re.MULTILINE)


SENDER: Final = _any(
    r"\b(?:mailer-?daemon|mail[._-]?daemon|mdaemon|maild|post[._-]?master|bounces?)\b[^@]{0,60}@",
    r"\bmail[._-]delivery[._-](?:sub)?system\b",
    r"^\s*<?(?:mailer-?daemon|postmaster)\b",
    r"mail delive?ry? (?:(?:sub)?system|service)|mail-daemon|microsoft outlook\b",
    r"(?:mail|system|ndr) administrator",
)
"""Who sends bounces: names and addresses in From and Sender."""

NULL_SENDER: Final = _any(r"\A\s*<\s*>|\A\s*<?mailer-?daemon")
"""Return-Path of what must not be answered (RFC 5321 §4.5.5), as programs write it."""

SUBJECT: Final = _any(
    r"un-?deliver(?:able|ed)|non-?deliver|not (?:been )?delivered|delivery (?:status )?notification",
    r"deliver\w* (?:has |was |is |status |notification )*(?:fail|error|problem|delay|report)",
    r"fail\w*[ :-]+(?:deliver|notice|to deliver)|failure notice|^\W*failed mail|mail (?:delivery )?fail|mail failed",
    r"message (?:delivery )?(?:has )?fail|returned (?:mail|to sender|message|e-?mail)|returning message|return mail",
    r"could(?: not|n't) be (?:sent|delivered)|mail system error|error sending your mail|cannot send message",
    r"rejected (?:mail|message)|mail rejected|warning: (?:message|could not send)|user unknown|service unavailable",
    r"loop alert",
    r"unzustellbar|nicht zugestellt|zustellung fehlgeschlagen|fehlgeschlagen",
    r"[ée]chec (?:de )?|non remis|non distribu|mancata consegna",
    r"no (?:se )?(?:ha podido )?entreg|no se pudo entregar|error de entrega",
    r"não (?:foi )?entreg|falha na entrega|onbestelbaar|niet bezorgd|nedoru[cč]",
    r"kunne ikke leveres|kan inte levereras|kunde inte levereras|nie (?:zosta[lł]a )?dor[eę]cz",
    r"не доставлен|недоставлен",
    r"配信不能|配送失敗|メールエラー|エラー通知|送信できませんでした|退信|投递失败|未送達|傳送失敗|배달 실패",
)
"""Subjects that say that a mail was not delivered."""

_NOT = r"(?:could|can|would|were|was|has|have|did|unable|able|is|been|are)(?: ?n[o']t| not|not)?"
TEXT: Final = _any(
    rf"{_NOT}(?: (?:be|been|able|yet|successfully|currently)){{0,3}} (?:to )?(?:be )?(?:deliver|reach|sent|send)",
    r"not (?:be |been |yet been )?(?:deliver|reach)|undeliver|non[- ]?deliver|did not (?:reach|receive)",
    r"deliver\w*(?: \w+){0,8} (?:fail|error|problem|delay|reject|not possible|expired)",
    r"fail\w*(?: \w+){0,8} deliver|(?:error|trouble|problem)s?(?: \w+){0,8} (?:deliver|sending)",
    r"deliver\w* (?:error|fail|report|status)|failed (?:addresses|recipients?)",
    r"following (?:address|recipient|user|destination|error)|recipients? (?:was|were|is|are) rejected",
    r"permanent(?:ly)? (?:fatal )?(?:error|fail)|transcript of session|duplicated message-id",
    r"(?:has been |was |mail )returned|returned (?:to sender|message|mail)|original message (?:was received|follows)",
    r"unknown (?:user|recipient|address)|user unknown|no such user|invalid (?:user|recipient)",
    r"mail(?:box)? (?:is |was )?(?:full|rejected)|mailbox[^.\n]{0,40}(?:exceed|full|unavailable)|quota",
    r"message (?:was )?(?:rejected|not delivered|delivery has been delayed)",
    r"nicht zugestellt|unzustellbar|zustell\w+[^.\n]{0,60}(?:fehl|nicht)",
    r"n'a pas pu être|pas été (?:remis|distribu|délivr)|no (?:se )?(?:ha podido|pudo|pudieron) entreg",
    r"non è stato (?:possibile )?(?:recapitat|consegn)|não (?:foi|pôde|pode) (?:ser )?entreg",
    r"niet (?:worden )?(?:bezorgd|afgeleverd)|не (?:может быть |было |удалось )?доставлен|не удалось доставить",
    r"送信できません|配信できません|届けることができません|送信(?:に)?失敗|エラー|存在しない",
    r"无法(?:投递|送达|发送)|無法(?:傳送|投遞)|보낼 수 없",
)
"""Texts that say so, or why."""

REPLY: Final = _any(r"(?:^|[\s:(>\"'\[])[45]\d\d[ -]{1,3}(?:\(?#?[245]\.\d{1,3}\.\d{1,3}\)?|\S)")
"""A host's reply, with which it refused a recipient or the mail."""

FULL_REPLY: Final = _any(r"\b[45]\d\d[ -]{1,3}\(?#?[245]\.\d{1,3}\.\d{1,3}\b")
"""The same with an enhanced code, which telephone numbers have not."""

DELIVERED: Final = _any(
    r"\(success\)|successful(?:ly)? (?:mail )?(?:deliver|relay)",
    r"(?:was|were|has been|have been) (?:delivered|relayed) to",
)
FAILED: Final = _any(r"fail|error|not |undeliver|unable|n't |reject|refus|delay")
"""What no report of a delivery says."""

RETRIED: Final = _any(
    r"(?:will|to) (?:be re-?tried|retry|keep trying|continue)|attempts? will continue",
    r"still (?:be )?(?:trying|attempting)",
    r"warning message only|not (?:yet )?been delivered|has been delayed|delivery[^.\n]{0,30}delayed",
    r"do(?: not|n't) need to resend|wird weiter versucht",
)
"""Texts of hosts that go on trying."""

_GIVEN_BACK = r"(?:original|returned|unsent|undelivered|undeliverable|failed|rejected)"
_MAIL = r"(?:message|mail|e-?mail)"
ORIGINAL: Final = _any(
    r"^[ \t>|=*_.:-]{0,80}"
    rf"(?:[\w ,]{{0,60}}\b(?:copy|headers?|text|lines) of (?:the |your )?(?:{_GIVEN_BACK} )?{_MAIL}"
    rf"|(?:the |your )?{_GIVEN_BACK} {_MAIL}|(?:the |your )?{_MAIL}(?: headers?| text| contents?)? follows?)"
    r"(?: info| headers?| text| contents?)?(?:,? (?:including|excluding) [\w ]{1,40})?"
    r"(?: follows?| is following| is attached| as follows| is included below)?[:., ]*[-_=*|:. \t]*$",
    r"^(?:received|return-path|delivered-to|x-original-to|dkim-signature|x-envelope-from|x-originating-ip): ?.",
)
"""Where the mail that comes back begins: a line that says so, or its first field."""

LEADS: Final = _any(
    r"\A[ \t>*\"'<+-]{0,16}(?:(?:to|recipients?|address|rcpt to|user|mailto|[45]\d\d)[: ]{1,4})?"
    r"[<\"]?(?=[^\s@]{1,64}@)"
)
"""What may stand before an address with which a line begins."""

ABOUT_RECIPIENTS: Final = _any(
    r"\b(?:to|recipients?|addresse?s?|user|userid|unknown|rcpt|mailbox|an|account|failed|for|permanent errors)\b"
    r"[^@\n]{0,40}[<\"' :]?\Z"
)
"""What stands before an address of somebody who did not get the mail."""

NOT_RECIPIENTS: Final = _any(
    r"mail from|from:|contact|support|sender|help|abuse|generated from|in-reply-to|message-?id|envelope-from|reply-to",
    r"questions|send (?:mail|an e-?mail)|report this",
)
"""What stands before other addresses."""

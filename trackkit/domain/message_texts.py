"""What the usual mail programs and filters say of the sending machine, of the message, of its size, and of amounts."""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import group, says

MESSAGE_TEXTS: Final = (
    group(
        "Proofpoint, Barracuda, Cisco, Spamhaus and other lists: spamhaus.org/returnc, barracudacentral.org",
        says(
            Reason.blocklisted,
            r"spamhaus",
            r"spamcop",
            r"barracuda(networks|central)",
            r"ipcheck\.proofpoint",
            r"sorbs\.net",
            r"uceprotect",
            r"abuseat",
            r"senderbase",
            r"manitu",
        ),
        says(
            Reason.blocklisted,
            r"(blocked|rejected|listed|found|denied) (using|by|in|on|at) .{0,60}(\brbl|dnsbl|blacklist|"
            r"block ?list|\bbl\b)",
            r"\b(rbl|dnsbl)\b",
        ),
        says(
            Reason.blocklisted,
            r"(?<!may be )(black|block)-?list(ed|ing)?\b",
            r"client host .{0,60}blocked",
            r"host .{0,40}blocked using",
        ),
        says(
            Reason.blocklisted,
            r"(your|sending) (ip|host|server|address) .{0,60}(is|was|has been) (blocked|banned|listed)",
            r"blocked for abuse",
            r"blocked ip\b",
            r"banned ip\b",
            r"ip (address )?(is )?blocked",
        ),
        says(
            Reason.blocklisted,
            r"blocked by ldap",
            r"\bopen relay\b",
            r"use the smtp server of your isp",
            r"dial-?up",
            r"dynamic(ally assigned)? ip",
            r"dynamic/residential",
            r"blocked by .{0,40}anti-?spam",
        ),
        says(
            Reason.reputation,
            r"poor reputation",
        ),
    ),
    group(
        "SPF, DKIM, DMARC: RFC 7208, RFC 6376, RFC 7489, and what filters say of them",
        says(
            Reason.authentication,
            r"\bdmarc\b",
            r"\bdkim\b",
            r"\bspf\b",
            r"\barc validation",
            r"sender policy framework",
            r"sender id\b.{0,40}fail",
            r"authentication checks? failed",
        ),
        says(
            Reason.authentication,
            r"not (allowed|permitted|authori[sz]ed) to send (e?mail )?(from|for|on behalf)",
            r"not permitted by .{0,40}domain owner",
        ),
    ),
    group(
        "Postfix, Exim, sendmail and filters: names and reverse names of the sending machine",
        says(
            Reason.reverse_dns,
            r"reverse[- ]?(dns|hostname|mapping|lookup|path)",
            r"\brdns\b",
            r"\bptr\b",
            r"cannot find your (reverse )?host ?name",
            r"(ip|host) ?name lookup failed",
        ),
        says(
            Reason.reverse_dns,
            r"helo command rejected",
            r"helo requires",
            r"(invalid|bad|illegal|forged|bogus|unacceptable) (helo|ehlo)",
            r"(helo|ehlo) .{0,80}(invalid|resolve|fully[- ]qualified|mismatch|rejected|not)",
        ),
        says(
            Reason.reverse_dns,
            r"unverif(y|i)able (sending )?ip",
            r"without a valid sender domain",
            r"does not resolve to your (ip|address)",
            r"invalid hostname",
        ),
    ),
    group(
        "greylisting: postgrey, milter-greylist, rspamd, RFC 6647",
        says(
            Reason.greylisted,
            r"gr[ae]y-?list",
            r"policy restrictions; try later",
            r"you (are|have been) temporarily delayed",
        ),
    ),
    group(
        "viruses: ClamAV, amavis, Exim's content scanning",
        says(
            Reason.virus,
            r"\bvirus\b",
            r"\bmalware\b",
            r"\btrojan\b",
            r"infected",
        ),
    ),
    group(
        "spam verdicts: SpamAssassin, amavis, rspamd, Exim, Barracuda",
        says(
            Reason.spam,
            r"(scored|identified|classified|detected|considered|recogni[sz]ed|marked|judged|flagged|looks|"
            r"tagged) (to be |as |like )?(a |likely |possible |probable |junk |an? )?(spam|ube|uce|"
            r"unsolicited|junk)",
        ),
        says(
            Reason.spam,
            r"\b(is|as|contains|looks like|appears to be|be) (likely |probabl[ey] |possible |"
            r"considered )?(spam|unsolicited|junk)\b",
            r"spam (message|content|score|detected|rejected|mail|email|filter)",
            r"(- |: |\b)spam\.?$",
            r"id=\S{1,40} .{0,30}- spam\b",
        ),
        says(
            Reason.spam,
            r"(rejected|blocked|refused) (as|for|due to) (being )?(spam|junk|unsolicited)",
            r"content rejected, (ube|uce)",
            r"high probability of spam",
            r"junk ?mail rejected",
            r"anti-?spam",
            r"spamassassin",
        ),
    ),
    group(
        "what may not be in a message: Postfix checks, Exim, Exchange, filters",
        says(
            Reason.content,
            r"(not|n't) (allow|accept|permit)(ed)? .{0,30}attachment",
            r"(blocked|forbidden|banned|prohibited) (file|attachment)",
            r"line length",
            r"linefeed",
        ),
    ),
    group(
        "the size of a mailbox, which is none of the message: Exim, MDaemon, web.de",
        says(
            Reason.mailbox_full,
            r"mail ?box (size|storage|quota)\b.{0,30}\b(limit|exceed|full)",
            r"exhausted .{0,20}storage",
            r"too many messages on the server",
            r"exceeded (its |the )?storage (limit|allocation)",
        ),
    ),
    group(
        "size: RFC 1870, Postfix, Exim, qmail",
        says(
            Reason.too_large,
            r"(message|mail|e-mail|email|size|attachment|file)s? .{0,30}(too (big|large)|"
            r"exceeds? .{0,40}(size|limit|maximum|length))",
            r"(size|length) limit",
            r"^(the |your )?(message|mail|e-?mail) is too long",
            r"databytes",
            r"exceeds? .{0,20}maximum .{0,20}size",
            r"fixed (maximum message size|limit)",
        ),
    ),
    group(
        "full mailboxes: Postfix, Exim, Dovecot, Exchange, Cyrus",
        says(
            Reason.mailbox_full,
            r"(mail ?box|mail ?folder|inbox|mail ?store|account|user|recipient|quota|"
            r"maildir)\b.{0,50}\b(full|over ?(disk |its |the )?quota|exceed(s|ed)?\b.{0,30}(quota|size|limit|"
            r"storage|space|allowed))",
        ),
        says(
            Reason.mailbox_full,
            r"over[- ]?quota",
            r"quota (is |has been |was )?(exceeded|full|reached)",
            r"(exceeded|exceeds|out of|reached) .{0,30}(quota|storage (space|allocation))",
            r"number of messages .{0,40}exceeded",
            r"not enough (storage )?space .{0,30}mailbox",
            r"full (mailbox|inbox)",
        ),
    ),
    group(
        "storage of the host: sendmail, Postfix, Exchange",
        says(
            Reason.host_full,
            r"insufficient (system|disk) (storage|space|resources?)",
            r"insufficient (storage|space)",
            r"no space left",
            r"(disk|file ?system|spool|system|queue) (is )?full",
            r"not enough (disk |storage )space",
            r"out of disk",
        ),
    ),
    group(
        "rates and connections: Postfix anvil, sendmail, Exim",
        says(
            Reason.too_many_connections,
            r"(too many|max(imum)?|concurrent|simultaneous) .{0,30}(connections?|sessions|threads)",
            r"connection (rate |frequency |count )?limit",
            r"connections? .{0,20}exceeded",
        ),
        says(
            Reason.too_many_recipients,
            r"too many (recipients|rcpt|addresses)",
            r"(recipients?|rcpts?) limit",
            r"number of recipients",
        ),
        says(
            Reason.sending_quota,
            r"(sending|sent) (limit|quota)",
            r"(daily|hourly) (message |mail |sending )?(limit|quota)",
            r"max(imum)? e?-?mails per (hour|day)",
        ),
        says(
            Reason.rate_limited,
            r"rate[- ]?limit",
            r"(too many|many|volume of) (e-?)?(mails|messages)",
            r"(sending|sent|mail|message|delivery) (rate|frequency)",
            r"too (fast|quickly)",
            r"throttl",
            r"slow down",
            r"too much (e-?)?mail",
            r"exceeded .{0,40}(hour|minute|day|rate)",
        ),
    ),
)

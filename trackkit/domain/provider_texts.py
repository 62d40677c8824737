"""What the biggest mail providers say, by their own lists of replies: Google, Microsoft, Yahoo, Apple."""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import group, says

PROVIDER_TEXTS: Final = (
    group(
        "Google: Gmail SMTP errors and codes, support.google.com/a/answer/3726730",
        says(
            Reason.authentication,
            r"unauthenticated email",
            r"does not have authentication information",
            r"\bspf record .{0,60}suspicious",
        ),
        says(
            Reason.authentication,
            r"requires all senders to authenticate",
            r"sender is unauthenticated",
            r"(spf|dkim|dmarc) .{0,40}did not pass",
        ),
        says(
            Reason.authentication,
            r"from: header .{0,40}(isn't|is not|not) aligned",
            r"checks? with the ip\b",
        ),
        says(
            Reason.reverse_dns,
            r"guidelines regarding ptr",
            r"(does not have|no|missing|without) a ptr record",
            r"ptr record .{0,60}does not match",
        ),
        says(
            Reason.tls_required,
            r"sent over a non-?tls",
            r"(wasn't|was not|not) (sent )?(over|using|with) a tls connection",
            r"tls required for",
        ),
        says(
            Reason.rate_limited,
            r"receiving (e?mail )?(too quickly|at a rate)",
        ),
        says(
            Reason.sending_quota,
            r"(daily|smtp relay|user) .{0,20}sending (quota|limit) exceeded",
            r"relay limit exceeded",
            r"email quota exceeded",
        ),
        says(
            Reason.reputation,
            r"unusual rate of",
            r"low reputation of",
            r"suspicious due to",
            r"unsolicited mail originating",
        ),
        says(
            Reason.spam,
            r"likely (unsolicited mail|suspicious)",
        ),
        says(
            Reason.content,
            r"multiple (addresses in from|from: headers)",
            r"missing a valid (address|message-id)",
            r"not rfc 5322",
            r"because its content presents",
            r"duplicate headers",
        ),
        says(
            Reason.account_blocked,
            r"mail sending denied",
            r"email sending .{0,20}(suspended|disabled)",
        ),
        says(
            Reason.not_authorised,
            r"groups\.google\.com/support",
        ),
        says(
            Reason.mailbox_full,
            r"(out of storage|over(\s?quota)?perm\b|inbox is out of)",
        ),
        says(
            Reason.policy,
            r"violates .{0,80}email policy",
            r"domain policy",
        ),
    ),
    group(
        "Microsoft: NDR codes of Exchange Online (learn.microsoft.com), Outlook.com postmaster (sendersupport.olc.…)",
        says(
            Reason.unknown_user,
            r"recip(ient)?notfound",
            r"not found by smtp address lookup",
            r"recipient address rejected: access denied\. (as\(|\[)",
            r"unknown recipient or mailbox unavailable",
        ),
        says(
            Reason.too_large,
            r"recipsizelimit",
            r"sendsizelimit",
            r"storedrv.{0,30}messagesizeexceeded",
            r"resolver\.rst\.\w*size",
        ),
        says(
            Reason.not_authorised,
            r"resolver\.rst\.(authrequired|notauthorized)",
            r"sender not authenticated for (group|mailbox)",
            r"not in allowed-?senders list",
        ),
        says(
            Reason.mailbox_full,
            r"quotaexceeded",
            r"mailboxfull",
            r"storedrv.{0,60}mapiexceptionshutoffquotaexceeded",
        ),
        says(
            Reason.too_many_connections,
            r"concurrent connections limit",
        ),
        says(
            Reason.sending_quota,
            r"submission quota exceeded",
            r"exceed(ed)? .{0,40}(daily|external) .{0,20}recipient",
        ),
        says(
            Reason.account_blocked,
            r"bad outbound sender",
            r"tenant has exceeded threshold",
            r"traffic not accepted from this ip",
        ),
        says(
            Reason.rate_limited,
            r"recipient thread limit exceeded",
        ),
        says(
            Reason.tls_required,
            r"starttls-not-supported",
        ),
        says(
            Reason.sender_rejected,
            r"permissions? to send as",
            r"sendasdenied",
        ),
        says(
            Reason.expired,
            r"queue\.expired",
        ),
        says(
            Reason.loop,
            r"hop count exceeded",
            r"routing loop",
        ),
        says(
            Reason.blocklisted,
            r"banned (sending ip|sender)",
            r"part of their network is on our block list",
            r"\b(s3140|s3150)\b",
        ),
        says(
            Reason.reputation,
            r"due to ip reputation",
            r"\b(sc-00[1-4]|ou-00[12]|rp-00[1-3])\b",
            r"\bs77719\b",
        ),
        says(
            Reason.reverse_dns,
            r"\bdy-00[12]\b",
            r"mismatches client ip",
        ),
        says(
            Reason.login_required,
            r"client was not authenticated",
            r"client not authenticated",
        ),
        says(
            Reason.relaying_denied,
            r"tenantattribution",
        ),
    ),
    group(
        "Yahoo and AOL: SMTP error codes, senders.yahooinc.com/smtp-error-codes",
        says(
            Reason.reputation,
            r"\[tss?\d\d\]",
            r"deferred due to (unexpected volume|user complaints|excessive user)",
            r"permanently deferred",
        ),
        says(
            Reason.blocklisted,
            r"\[bl\d\d\]",
        ),
        says(
            Reason.policy,
            r"not accepted for policy reasons",
        ),
        says(
            Reason.mailbox_disabled,
            r"mailbox is disabled",
        ),
        says(
            Reason.unknown_user,
            r"(user|recipient) doesn't have an? \S{1,80} account",
        ),
    ),
    group(
        "Apple: postmaster information for iCloud Mail, support.apple.com/102322",
        says(
            Reason.user_moved,
            r"recipient no longer on server",
        ),
        says(
            Reason.mailbox_disabled,
            r"inactive email address",
        ),
        says(
            Reason.rate_limited,
            r"deferred due to excessive volume",
        ),
        says(
            Reason.policy,
            r"\[(cs|hm)\d\d\] message rejected due to local policy",
        ),
        says(
            Reason.unknown_user,
            r"unknown or illegal (alias|user)",
            r"no user record found",
        ),
    ),
)

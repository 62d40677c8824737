"""What access and hosting providers, and the makers of mail gateways, say by their own lists of replies."""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import group, says

HOSTING_TEXTS: Final = (
    group(
        "Cloudmark at Comcast (postmaster.comcast.net), Cox, Charter (AUP# codes)",
        says(
            Reason.blocklisted,
            r"aup#(cx?dr?bl|cxbl|ipbl\d+|(in-|i-)?(10[0-9]0|1370))\b",
            r"\bbl00\d{4}\b",
        ),
        says(
            Reason.rate_limited,
            r"aup#(in-|i-)?13[0-6]0\b",
            r"\brl00\d{4}\b",
        ),
        says(
            Reason.too_many_connections,
            r"too many sessions",
        ),
        says(
            Reason.authentication,
            r"aup#(cxdmarc|cxsnd|dmarc)\w*",
        ),
        says(
            Reason.reverse_dns,
            r"requires that all mail servers must have a ptr",
            r"reverse dns failure",
        ),
    ),
    group(
        "Orange and La Poste: postmaster.orange.fr (OFR and LPN codes)",
        says(
            Reason.too_many_connections,
            r"trop de connexions",
        ),
        says(
            Reason.unknown_user,
            r"destinataire invalide",
            r"\b(ofr|lpn)\w{0,4}_4(02|1[56])\b",
        ),
        says(
            Reason.mailbox_full,
            r"boite .{0,30}pleine",
            r"\b(ofr|lpn)\w{0,4}_417\b",
        ),
        says(
            Reason.mailbox_disabled,
            r"compte du destinataire est bloque",
            r"\b(ofr|lpn)\w{0,4}_426\b",
        ),
        says(
            Reason.spam,
            r"\b(ofr|lpn)\w{0,4}_506\b",
        ),
        says(
            Reason.authentication,
            r"\b(ofr|lpn)\w{0,4}_515\b",
        ),
    ),
    group(
        "United Internet (GMX, web.de, mail.com, IONOS): postmaster.gmx.com/en/error-messages",
        says(
            Reason.reverse_dns,
            r"bad dns ptr",
        ),
        says(
            Reason.blocklisted,
            r"ip address is block listed",
        ),
        says(
            Reason.authentication,
            r"reject due to (spf|dkim|dmarc)",
        ),
        says(
            Reason.policy,
            r"reject due to policy",
        ),
    ),
    group(
        "GoDaddy: fix rejected email with a bounce error, godaddy.com/help/40685",
        says(
            Reason.rate_limited,
            r"has sent to too many recipients",
        ),
        says(
            Reason.sender_rejected,
            r"from: domain is invalid",
        ),
        says(
            Reason.spam,
            r"judged to be spam",
        ),
    ),
    group(
        "Mimecast: SMTP error codes, mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691",
        says(
            Reason.greylisted,
            r"internal resources? (is |are )?temporarily unavailable",
        ),
        says(
            Reason.policy,
            r"host network not allowed",
            r"administrative prohibition",
            r"email rejected due to security policies",
            r"envelope blocked",
        ),
        says(
            Reason.authentication,
            r"anti-?spoofing",
            r"rejecting spoofed",
        ),
        says(
            Reason.reputation,
            r"ip reputation policy",
            r"csi\.mimecast\.org",
        ),
    ),
    group(
        "cPanel: what its Exim says of senders that its administrator has blocked",
        says(
            Reason.sender_rejected,
            r"sending to/from an address",
        ),
    ),
    group(
        "Yandex: yandex.com/support/mail/bounces",
        says(
            Reason.spam,
            r"under suspicion of spam",
        ),
        says(
            Reason.blocklisted,
            r"blocked by spam statistics",
        ),
    ),
    group(
        "Zoho: smtp.codes/zoho, zoho.com/zeptomail/help/api/smtp-error-codes.html",
        says(
            Reason.account_blocked,
            r"unusual sending activity",
            r"email outgoing blocked",
        ),
        says(
            Reason.relaying_denied,
            r"relaying disallowed",
        ),
    ),
    group(
        "Deutsche Telekom (T-Online): postmaster.t-online.de",
        says(
            Reason.reputation,
            r"ask your postmaster for help or to contact tosa",
        ),
        says(
            Reason.blocklisted,
            r"dialup/transient ip",
        ),
    ),
    group(
        "Coremail and NetEase (163, 126): help.163.com, codes as HL:ICC",
        says(
            Reason.too_many_connections,
            r"\bhl:icc\b",
        ),
        says(
            Reason.rate_limited,
            r"\b(hl:ifc|mi:(sfq|dmc)|rp:(drc|trc))\b",
        ),
        says(
            Reason.reputation,
            r"\bhl:(rep|mep)\b",
        ),
        says(
            Reason.blocklisted,
            r"\bdt:rbl\b",
            r"black ip\b",
            r"\brbl deny",
        ),
        says(
            Reason.spam,
            r"\bdt:spm\b",
        ),
        says(
            Reason.authentication,
            r"\bmi:spf\b",
        ),
        says(
            Reason.sender_rejected,
            r"mail from invalid",
            r"host denies the sender",
            r"^mail address invalid",
        ),
        says(
            Reason.relaying_denied,
            r"host denies relay",
        ),
    ),
    group(
        "Tencent QQ and NetEase: service.mail.qq.com, help.163.com",
        says(
            Reason.rate_limited,
            r"frequency limited",
            r"mail content denied.{0,20}frequency",
        ),
        says(
            Reason.spam,
            r"mail content denied",
        ),
        says(
            Reason.authentication,
            r"(spf|dkim|dmarc) check failed",
        ),
    ),
    group(
        "Facebook: postmaster.facebook.com/response_codes",
        says(Reason.sender_rejected, r"\bdns-(p[12]|t1)\b"),
        says(Reason.reverse_dns, r"\bdns-(p3|t2)\b"),
        says(Reason.unknown_user, r"\b(rcp-p1|int-p[134])\b"),
        says(Reason.not_authorised, r"\brcp-p[23]\b"),
        says(Reason.too_large, r"\b(msg-p1|int-p2)\b"),
        says(Reason.content, r"\bmsg-p[23]\b"),
    ),
    group(
        "Amazon SES: docs.aws.amazon.com/ses",
        says(
            Reason.sender_rejected,
            r"email address is not verified",
        ),
        says(
            Reason.sending_quota,
            r"maximum sending rate exceeded",
            r"daily message quota exceeded",
        ),
        says(
            Reason.account_blocked,
            r"sending paused for this account",
        ),
    ),
)

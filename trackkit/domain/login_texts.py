"""What hosts say when they refuse a log-in: where the account's password is right, and the way in is shut."""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import group, says

LOGIN_TEXTS: Final = (
    group(
        "Microsoft 365: SMTP AUTH, aka.ms/smtp_auth_disabled, learn.microsoft.com",
        says(
            Reason.login_switched_off,
            r"smtpclientauthentication is disabled",
            r"security defaults policy",
            r"did not meet the criteria",
            r"basic authentication is disabled",
            r"smtp auth .{0,30}(disabled|not enabled)",
            r"conditional access",
        ),
        says(
            Reason.login_blocked,
            r"user is locked",
            r"account is locked",
            r"temporarily locked",
            r"user .{0,30}locked by your organi",
        ),
    ),
    group(
        "Google: Gmail SMTP errors and codes, support.google.com/a/answer/3726730",
        says(
            Reason.app_password,
            r"application-specific password",
            r"app(lication)?[- ]password",
            r"log ?in (with|via) your web browser",
            r"webloginrequired",
            r"less secure app",
            r"invalidsecondfactor",
        ),
        says(
            Reason.login_blocked,
            r"too many (login|log-in|sign-?in|failed|auth\w*) ?(attempts|tries|failures)?",
        ),
    ),
    group(
        "Yahoo, Apple, GMX, IONOS, Dovecot, Exchange, Zoho: what their submission hosts say",
        says(
            Reason.app_password,
            r"two[- ]?(factor|step)",
            r"\b2fa\b",
            r"generate (an )?app",
            r"third[- ]party (app|application)",
        ),
        says(
            Reason.password_expired,
            r"password .{0,30}(expired|must be changed|has to be changed|needs to be changed)",
            r"expired .{0,10}password",
            r"password transition",
        ),
        says(
            Reason.login_switched_off,
            r"(smtp|imap/smtp|pop3/smtp|access|authentication|auth|protocol)\b.{0,40}\b(is |are )?(disabled|"
            r"not (enabled|allowed|activated|permitted)|switched off|deactivated|blocked by)",
            r"enable (smtp|pop3|imap|external)",
            r"not enabled for (this|the) (account|user|mailbox)",
        ),
        says(
            Reason.login_blocked,
            r"(account|user|login|mailbox) .{0,30}(locked|suspended|disabled|blocked|deactivated|inactive)",
            r"too many",
        ),
        says(
            Reason.password,
            r"(username|user name|login|user) (and|or)/?(or)? password",
            r"bad (username|credentials|login|password)",
            r"(invalid|incorrect|wrong) (login|log-in|username|user|password|credentials?|authentication)",
            r"(authentication|auth|login) (credentials )?(failed|failure|unsuccessful|rejected|invalid|error)",
            r"password (is )?(incorrect|wrong|invalid|mismatch)",
            r"credentials? (are )?(invalid|rejected)",
            r"not accepted",
        ),
    ),
)

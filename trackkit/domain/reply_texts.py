"""Words by which hosts say why they refuse: by whom, with where that is documented, and the reason they stand for.

The first pattern that is found decides, so what only one provider says comes before what many programs say, and what
is said of the sending machine or the message before what is said of the address: "rejected: user unknown" is a word of
many replies, "blocked using" of few. Patterns are about words that hosts choose; none is about an address, a host's
name or a file. They are matched in `plain` words: one line, small letters. Gaps are bounded, so each pattern takes time
in proportion to the reply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trackkit.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Group:
    """What one source documents."""

    source: str
    texts: tuple[tuple[Reason, re.Pattern[str]], ...]


def _group(source: str, *texts: tuple[Reason, str]) -> Group:
    return Group(source, tuple((reason, re.compile(pattern)) for reason, pattern in texts))


TEXTS: Final = (
    _group(
        "Google: Gmail SMTP errors and codes, support.google.com/a/answer/3726730",
        (Reason.authentication, r"unauthenticated email|does not have authentication information|\bspf record .{0,60}suspicious"),
        (Reason.authentication, r"requires all senders to authenticate|sender is unauthenticated|(spf|dkim|dmarc) .{0,40}did not pass"),
        (Reason.authentication, r"from: header .{0,40}(isn't|is not|not) aligned|checks? with the ip\b"),
        (Reason.reverse_dns, r"guidelines regarding ptr|(does not have|no|missing|without) a ptr record|ptr record .{0,60}does not match"),
        (Reason.tls_required, r"sent over a non-?tls|(wasn't|was not|not) (sent )?(over|using|with) a tls connection|tls required for"),
        (Reason.rate_limited, r"receiving (e?mail )?(too quickly|at a rate)"),
        (Reason.sending_quota, r"(daily|smtp relay|user) .{0,20}sending (quota|limit) exceeded|relay limit exceeded|email quota exceeded"),
        (Reason.reputation, r"unusual rate of|low reputation of|suspicious due to|unsolicited mail originating"),
        (Reason.spam, r"likely (unsolicited mail|suspicious)"),
        (Reason.content, r"multiple (addresses in from|from: headers)|missing a valid (address|message-id)|not rfc 5322|because its content presents|duplicate headers"),
        (Reason.account_blocked, r"mail sending denied|email sending .{0,20}(suspended|disabled)"),
        (Reason.not_authorised, r"groups\.google\.com/support"),
        (Reason.mailbox_full, r"(out of storage|over(\s?quota)?perm\b|inbox is out of)"),
        (Reason.policy, r"violates .{0,80}email policy|domain policy"),
    ),
    _group(
        "Microsoft: NDR codes of Exchange Online, learn.microsoft.com; Outlook.com postmaster, sendersupport.olc.protection.outlook.com",
        (Reason.unknown_user, r"recip(ient)?notfound|not found by smtp address lookup|unknown recipient or mailbox unavailable"),
        (Reason.too_large, r"recipsizelimit|sendsizelimit|storedrv.{0,30}messagesizeexceeded|resolver\.rst\.\w*size"),
        (Reason.not_authorised, r"resolver\.rst\.(authrequired|notauthorized)|sender not authenticated for (group|mailbox)|not in allowed-?senders list"),
        (Reason.mailbox_full, r"quotaexceeded|mailboxfull|storedrv.{0,60}mapiexceptionshutoffquotaexceeded"),
        (Reason.too_many_connections, r"recipient thread limit exceeded|concurrent connections limit"),
        (Reason.sending_quota, r"submission quota exceeded|exceed(ed)? .{0,40}(daily|external) .{0,20}recipient"),
        (Reason.account_blocked, r"bad outbound sender|tenant has exceeded threshold|traffic not accepted from this ip"),
        (Reason.expired, r"queue\.expired"),
        (Reason.loop, r"hop count exceeded|routing loop"),
        (Reason.blocklisted, r"banned (sending ip|sender)|part of their network is on our block list|\b(s3140|s3150)\b"),
        (Reason.reputation, r"due to ip reputation|\b(sc-00[1-4]|ou-00[12]|rp-00[1-3])\b|\bs77719\b"),
        (Reason.reverse_dns, r"\bdy-00[12]\b|mismatches client ip"),
        (Reason.login_required, r"client was not authenticated|client not authenticated"),
        (Reason.relaying_denied, r"tenantattribution"),
    ),
    _group(
        "Yahoo and AOL: SMTP error codes, senders.yahooinc.com/smtp-error-codes",
        (Reason.reputation, r"\[tss?\d\d\]|deferred due to (unexpected volume|user complaints|excessive user)|permanently deferred"),
        (Reason.blocklisted, r"\[bl\d\d\]"),
        (Reason.policy, r"not accepted for policy reasons"),
        (Reason.mailbox_disabled, r"mailbox is disabled \(?554\.30|mailbox is disabled"),
        (Reason.unknown_user, r"(user|recipient) doesn't have an? \S{1,80} account"),
    ),
    _group(
        "Apple: postmaster information for iCloud Mail, support.apple.com/102322",
        (Reason.user_moved, r"recipient no longer on server"),
        (Reason.rate_limited, r"deferred due to excessive volume"),
        (Reason.policy, r"\[(cs|hm)\d\d\] message rejected due to local policy"),
        (Reason.unknown_user, r"inactive email address|unknown or illegal (alias|user)|no user record found"),
    ),
    _group(
        "Cloudmark at Comcast (postmaster.comcast.net), Cox, Charter (AUP# codes)",
        (Reason.blocklisted, r"aup#(cx?dr?bl|cxbl|ipbl\d+|(in-|i-)?(10[0-9]0|1370))\b|\bbl00\d{4}\b"),
        (Reason.rate_limited, r"aup#(in-|i-)?13[0-6]0\b|\brl00\d{4}\b"),
        (Reason.too_many_connections, r"too many sessions"),
        (Reason.authentication, r"aup#(cxdmarc|cxsnd|dmarc)\w*"),
        (Reason.reverse_dns, r"requires that all mail servers must have a ptr|reverse dns failure"),
    ),
    _group(
        "Orange and La Poste: postmaster.orange.fr (OFR and LPN codes)",
        (Reason.too_many_connections, r"trop de connexions"),
        (Reason.unknown_user, r"destinataire invalide|\b(ofr|lpn)\w{0,4}_4(02|1[56])\b"),
        (Reason.mailbox_full, r"boite .{0,30}pleine|\b(ofr|lpn)\w{0,4}_417\b"),
        (Reason.mailbox_disabled, r"compte du destinataire est bloque|\b(ofr|lpn)\w{0,4}_426\b"),
        (Reason.spam, r"\b(ofr|lpn)\w{0,4}_506\b"),
        (Reason.authentication, r"\b(ofr|lpn)\w{0,4}_515\b"),
    ),
    _group(
        "United Internet (GMX, web.de, mail.com, IONOS): postmaster.gmx.com/en/error-messages",
        (Reason.reverse_dns, r"bad dns ptr"),
        (Reason.blocklisted, r"ip address is block listed"),
        (Reason.authentication, r"reject due to (spf|dkim|dmarc)"),
        (Reason.policy, r"reject due to policy"),
    ),
    _group(
        "GoDaddy: fix rejected email with a bounce error, godaddy.com/help/40685",
        (Reason.rate_limited, r"has sent to too many recipients"),
        (Reason.sender_rejected, r"from: domain is invalid"),
        (Reason.spam, r"judged to be spam"),
    ),
    _group(
        "Mimecast: SMTP error codes, mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691",
        (Reason.greylisted, r"internal resources? (is |are )?temporarily unavailable"),
        (Reason.policy, r"host network not allowed|administrative prohibition|email rejected due to security policies|envelope blocked"),
        (Reason.authentication, r"anti-?spoofing"),
        (Reason.reputation, r"ip reputation policy|csi\.mimecast\.org"),
    ),
    _group(
        "cPanel: what its Exim says of senders that its administrator has blocked",
        (Reason.sender_rejected, r"sending to/from an address"),
    ),
    _group(
        "Tencent QQ and NetEase: service.mail.qq.com, help.163.com",
        (Reason.rate_limited, r"frequency limited|mail content denied.{0,20}frequency"),
        (Reason.spam, r"mail content denied"),
        (Reason.authentication, r"(spf|dkim|dmarc) check failed"),
    ),
    _group(
        "Amazon SES: docs.aws.amazon.com/ses",
        (Reason.sender_rejected, r"email address is not verified"),
        (Reason.sending_quota, r"maximum sending rate exceeded|daily message quota exceeded"),
        (Reason.account_blocked, r"sending paused for this account"),
    ),
    _group(
        "Proofpoint, Barracuda, Cisco, Spamhaus and other lists of addresses: spamhaus.org/returnc, barracudacentral.org",
        (Reason.blocklisted, r"spamhaus|spamcop|barracuda(networks|central)|ipcheck\.proofpoint|sorbs\.net|uceprotect|abuseat|senderbase|manitu"),
        (Reason.blocklisted, r"(blocked|rejected|listed|found|denied) (using|by|in|on|at) .{0,60}(\brbl|dnsbl|blacklist|block ?list|\bbl\b)|\b(rbl|dnsbl)\b"),
        (Reason.blocklisted, r"(?<!may be )(black|block)-?list(ed|ing)?\b|client host .{0,60}blocked|host .{0,40}blocked using"),
        (Reason.blocklisted, r"(your|sending) (ip|host|server|address) .{0,60}(is|was|has been) (blocked|banned|listed)|blocked for abuse|blocked ip\b|banned ip\b|ip (address )?(is )?blocked"),
        (Reason.blocklisted, r"blocked by ldap|\bopen relay\b|use the smtp server of your isp|dial-?up|dynamic(ally assigned)? ip|dynamic/residential"),
    ),
    _group(
        "SPF, DKIM, DMARC: RFC 7208, RFC 6376, RFC 7489, and what filters say of them",
        (Reason.authentication, r"\bdmarc\b|\bdkim\b|\bspf\b|\barc validation|sender policy framework|sender id\b.{0,40}fail|authentication checks? failed"),
        (Reason.authentication, r"not (allowed|permitted|authori[sz]ed) to send (e?mail )?(from|for|on behalf)|not permitted by .{0,40}domain owner"),
    ),
    _group(
        "Postfix, Exim, sendmail and filters: names and reverse names of the sending machine",
        (Reason.reverse_dns, r"reverse[- ]?(dns|hostname|mapping|lookup|path)|\brdns\b|\bptr\b|cannot find your (reverse )?host ?name|(ip|host) ?name lookup failed"),
        (Reason.reverse_dns, r"helo command rejected|(invalid|bad|illegal|forged|bogus|unacceptable) (helo|ehlo)|(helo|ehlo) .{0,80}(invalid|resolve|fully[- ]qualified|mismatch|rejected|not)"),
        (Reason.reverse_dns, r"unverif(y|i)able (sending )?ip|without a valid sender domain|does not resolve to your (ip|address)|invalid hostname"),
    ),
    _group(
        "greylisting: postgrey, milter-greylist, rspamd, RFC 6647",
        (Reason.greylisted, r"gr[ae]y-?list|policy restrictions; try later|you (are|have been) temporarily delayed"),
    ),
    _group(
        "viruses: ClamAV, amavis, Exim's content scanning",
        (Reason.virus, r"\bvirus\b|\bmalware\b|\btrojan\b|infected"),
    ),
    _group(
        "spam verdicts: SpamAssassin, amavis, rspamd, Exim, Barracuda",
        (Reason.spam, r"(scored|identified|classified|detected|considered|recogni[sz]ed|marked|judged|flagged|looks|tagged) (to be |as |like )?(a |likely |possible |probable |junk |an? )?(spam|ube|uce|unsolicited|junk)"),
        (Reason.spam, r"\b(is|as|contains|looks like|appears to be|be) (likely |probabl[ey] |possible |considered )?(spam|unsolicited|junk)\b|spam (message|content|score|detected|rejected|mail|email|filter)|(- |: |\b)spam\.?$|id=\S{1,40} .{0,30}- spam\b"),
        (Reason.spam, r"(rejected|blocked|refused) (as|for|due to) (being )?(spam|junk|unsolicited)|content rejected, (ube|uce)|high probability of spam|junk ?mail rejected|anti-?spam"),
    ),
    _group(
        "size: RFC 1870, Postfix, Exim, qmail",
        (Reason.too_large, r"(message|mail|e-mail|email|size|attachment|file)s? .{0,30}(too (big|large)|exceeds? .{0,40}(size|limit|maximum|length))|(size|length) limit|databytes|exceeds? .{0,20}maximum .{0,20}size|fixed (maximum message size|limit)"),
    ),
    _group(
        "full mailboxes: Postfix, Exim, Dovecot, Exchange, Cyrus",
        (Reason.mailbox_full, r"(mail ?box|mail ?folder|inbox|mail ?store|account|user|recipient|quota|maildir)\b.{0,50}\b(full|over ?(disk |its |the )?quota|exceed(s|ed)?\b.{0,30}(quota|size|limit|storage|space|allowed))"),
        (Reason.mailbox_full, r"over ?quota|quota (is |has been |was )?(exceeded|full|reached)|(exceeded|exceeds|out of|reached) .{0,30}(quota|storage (space|allocation))|number of messages .{0,40}exceeded|not enough (storage )?space .{0,30}mailbox|full (mailbox|inbox)"),
    ),
    _group(
        "storage of the host: sendmail, Postfix, Exchange",
        (Reason.host_full, r"insufficient (system|disk) (storage|space|resources?)|insufficient (storage|space)|no space left|(disk|file ?system|spool|system|queue) (is )?full|not enough (disk |storage )space|out of disk"),
    ),
    _group(
        "rates and connections: Postfix anvil, sendmail, Exim",
        (Reason.too_many_connections, r"(too many|max(imum)?|concurrent|simultaneous) .{0,30}(connections?|sessions|threads)|connection (rate |frequency |count )?limit|connections? .{0,20}exceeded"),
        (Reason.too_many_recipients, r"too many (recipients|rcpt|addresses)|(recipients?|rcpts?) limit|number of recipients"),
        (Reason.rate_limited, r"rate[- ]?limit|(too many|many|volume of) (e-?)?(mails|messages)|(sending|sent|mail|message|delivery) (rate|frequency)|too (fast|quickly)|throttl|slow down|exceeded .{0,40}(hour|minute|day|rate)"),
    ),
    _group(
        "loops: Postfix, sendmail, qmail",
        (Reason.loop, r"too many hops|hop ?count|(mail|message|routing|forwarding) (is )?loop|loops back|looping|delivered-to line"),
    ),
    _group(
        "relaying: Postfix, Exim, sendmail, qmail",
        (Reason.relaying_denied, r"relay(ing)? (access )?(is )?(denied|not (allowed|permitted|authori[sz]ed)|prohibited|refused|attempt)|(no|not|unable to|cannot|won't|not (allowed|permitted|authori[sz]ed) to) relay(ing)?\b|allowed rcpthosts|relay access|not an? open relay|we (do not|don't) relay"),
    ),
    _group(
        "encryption and log-in: RFC 3207, RFC 4954",
        (Reason.tls_required, r"must issue a? ?starttls|starttls (is )?(required|first|command first)|(encryption|tls|ssl)( connection)? (is )?(required|needed|mandatory)|(requires?|need) (an? )?(encrypt|tls|secure|starttls)|(does not|doesn't|not) support (tls|starttls|encryption)"),
        (Reason.login_required, r"authentication (is )?(required|needed)|must (first )?(authenticate|log ?in)|log ?in (is )?required|(please|need to|have to) (authenticate|log ?in)|unauthenticated (senders?|users?|clients?)|not (logged in|authenticated)|check (for new )?mail first|smtp auth"),
    ),
    _group(
        "takes no mail: RFC 7504, RFC 7505, and what senders say of a domain without a mail host",
        (Reason.takes_no_mail, r"null ?mx|(does|do) not accept (any )?(e-?)?mail\b|(doesn't|don't) accept (any )?mail\b|accepts no mail|no smtp service|indicated no smtp|no mx records? found|find a mail exchanger|no mail (service|exchanger)"),
    ),
    _group(
        "senders: Postfix, Exim, sendmail, qmail",
        (Reason.sender_rejected, r"sender (address |domain |verify |is )?(was |has been )?(rejected|refused|denied|fail(ed|ure)|invalid|blocked|not (allowed|permitted|valid|found|accepted))|sender verif|(domain of )?sender'?s?( e?mail)? (address|domain) .{0,160}(does not|doesn't|must|cannot|could not|couldn't|not|required|invalid)|badmailfrom|invalid sender|from address .{0,40}(rejected|invalid|not)|purported responsible|your (address|domain|email) .{0,30}(rejected|refused|denied)|mail from .{0,80}(rejected|refused|denied) (?!for policy)"),
        (Reason.not_authorised, r"not (authori[sz]ed|permitted|allowed) to (post|send|write|submit)|delivery not authori[sz]ed|only .{0,30}(members|subscribers|senders)|members?[- ]only|permission to (post|send)|not accepting (mail|messages) from (you|this|external)|(restricted|closed) (list|group)"),
    ),
    _group(
        "users who are gone or shut off: Postfix, Exim, sendmail, Gmail, Exchange",
        (Reason.user_moved, r"(user|recipient|mailbox|account|address)\b.{0,60}\b(has )?(moved|changed|no longer (on|here|with|at|works))|not our (user|customer)|user not local|new (e-?mail )?address is"),
        (Reason.mailbox_disabled, r"(account|mail ?box|user|recipient|address)\b.{0,60}\b(disabled|inactive|suspended|deactivated|locked|frozen|blocked|expired|terminated|closed|not active|discontinued)|(disabled|inactive|suspended|deactivated|expired|locked|frozen|dormant) (recipient|user|account|mail ?box|e?mail|address)"),
    ),
    _group(
        "unknown users: Postfix, Exim, sendmail, qmail, Domino, IMail, Exchange",
        (Reason.unknown_user, r"(no|unknown|invalid|bad|illegal|nonexistent|non-existent|unroutable|unrouteable|undeliverable) (such )?(final delivery )?(local )?(user|userid|recipient|mail ?box|address|account|person|alias|e-?mail address)|(user|recipient|mail ?box|account|address|addressee|alias)\b.{0,100}\b(unknown|not (found|exist|known|recogni[sz]ed|listed|valid|registered|there|here|a registered)|(doesn't|does not|didn't|did not|no longer|don't|do not) (exist|have)|could not be found|isn't|couldn't be found|wasn't found|invalid|non-?existent)"),
        (Reason.unknown_user, r"no (mailbox|one|user) (here )?by that name|(user|recipient) (unknown|not exist)|not a (valid|known|registered) (user|mailbox|recipient|address)|is not a registered|no valid recipients|name is not recogni[sz]ed|not listed in|does not like recipient\b$|invalid recipient|no recipients"),
    ),
    _group(
        "unknown domains: Postfix, Exim, sendmail, qmail, OpenSMTPD",
        (Reason.unknown_domain, r"(host|domain)( name)?\b.{0,80}\b(unknown|not found|does not exist|doesn't exist|non-?existent|invalid|may not exist)|unknown (host|domain)|(no such|couldn't find any) (host|domain)|nxdomain|bad destination (system|host)|domain (is )?not reachable|unable to find .{0,20}domain|illegal host|domain .{0,40}(isn't|is not) (valid|hosted)|find any host named"),
    ),
    _group(
        "DNS and network of the host: Postfix, sendmail, qmail, Exim",
        (Reason.host_dns, r"(name|dns|mx|host)( name)? (server|service|lookup|query)?.{0,20}(temporar\w* )?(error|fail(ed|ure)|timed? ?out)|(dns|cname|mx) lookup|name server|lookup failure|malformed or unexpected name server"),
        (Reason.unreachable, r"(connection|operation|connect|session|read|conversation)\b.{0,30}\b(timed? ?out|refused|reset|lost|dropped|closed|failed)|(no route|unreachable|not (reachable|responding|answering))|(did not|not) (accept our requests to connect|respond|answer)|unable to (connect|establish|contact (the )?(destination|remote|smtp|host))|(wasn't|was not|not) able to (establish|connect)|network (error|is down|unreachable)|no answer from|smtp connection"),
    ),
    _group(
        "content: Postfix header and body checks, Exim, filters",
        (Reason.content, r"header error|header\b.{0,40}\b(invalid|malformed|missing|not accepted|rejected)|content\b.{0,20}\b(rejected|not accepted|denied|blocked)|(attachment|file)s? .{0,40}(not (allowed|accepted|permitted)|blocked|forbidden|prohibited|rejected)|(banned|prohibited|forbidden) (content|attachment|file|word)|(bare|stray) (lf|cr|newline)|(malformed|badly formatted) (message|header|mime)|media (error|not supported)|message (was )?filtered|rfc ?(2?822|5322|2?821|5321)|non-?compliant|8bit|date: header|line too long|lines? longer"),
    ),
    _group(
        "lists of the host's own: sendmail's access map, Exim's access lists",
        (Reason.access_denied, r"access denied"),
    ),
    _group(
        "policy without more: Postfix policy services, filters",
        (Reason.policy, r"\bpolicy\b|policies|policy reasons|(protocol|security) violation|not accepted here|administratively (denied|prohibited)|administrative prohibition"),
    ),
    _group(
        "trouble inside the host: Postfix, Exim, sendmail, Exchange",
        (Reason.host_trouble, r"internal (system |server |software )?(error|failure)|(system|server|service|mail ?er|local|software|configuration|config|resources?|processing)\b.{0,20}\b(error|failure|problem|trouble|unavailable|not available)|(system|local) config|temporar(y|ily) (system|local|server|error|unavailable|problem|unable)|unable to contact ldap|ldap server|over(load|loaded)|load average|(server|system) (is )?busy|try again later.{0,20}resources|mailer error|exec(ute)? .{0,20}fail|qq (trouble|temporary)|unable to (exec|process|open)|(out of|insufficient) memory|couldn't create|could not create|command failed|service (currently )?unavailable|transaction failed"),
    ),
    _group(
        "waiting too long: Postfix, Exim, sendmail, qmail, OpenSMTPD",
        (Reason.expired, r"(message|mail|envelope|delivery|queue)\b.{0,40}\b(expired|time-?out|time exceeded|too long)|retry time-?out|giving up|undelivered after|will (keep|continue) trying|(in (the )?queue|been queued) (for )?too long|not delivered within|could not (be )?deliver(ed)? (for|within|after)|unable to deliver .{0,40}(after|within|in)\b"),
    ),
    _group(
        "commands: RFC 5321",
        (Reason.protocol, r"(command|syntax|parameter|argument)s? .{0,30}(not (implemented|recogni[sz]ed|understood|supported)|error|unrecogni[sz]ed|unknown)|(bad|improper|wrong|invalid) (command )?sequence|bad command|out of sequence|syntax error|unrecogni[sz]ed (command|parameter)|unsupported (command|option)|send (hello|helo|ehlo) first"),
    ),
)

LOGIN_TEXTS: Final = (
    _group(
        "Microsoft 365: SMTP AUTH, aka.ms/smtp_auth_disabled, learn.microsoft.com",
        (Reason.login_switched_off, r"smtpclientauthentication is disabled|security defaults policy|did not meet the criteria|basic authentication is disabled|smtp auth .{0,30}(disabled|not enabled)|conditional access"),
        (Reason.login_blocked, r"user is locked|account is locked|temporarily locked|user .{0,30}locked by your organi"),
    ),
    _group(
        "Google: Gmail SMTP errors and codes, support.google.com/a/answer/3726730",
        (Reason.app_password, r"application-specific password|app(lication)?[- ]password|log ?in (with|via) your web browser|webloginrequired|less secure app|invalidsecondfactor"),
        (Reason.login_blocked, r"too many (login|log-in|sign-?in|failed|auth\w*) ?(attempts|tries|failures)?"),
    ),
    _group(
        "Yahoo, Apple, GMX, IONOS, Dovecot, Exchange, Zoho: what their submission hosts say",
        (Reason.app_password, r"two[- ]?(factor|step)|\b2fa\b|generate (an )?app|third[- ]party (app|application)"),
        (Reason.password_expired, r"password .{0,30}(expired|must be changed|has to be changed|needs to be changed)|expired .{0,10}password|password transition"),
        (Reason.login_switched_off, r"(smtp|imap/smtp|pop3/smtp|access|authentication|auth|protocol)\b.{0,40}\b(is |are )?(disabled|not (enabled|allowed|activated|permitted)|switched off|deactivated|blocked by)|enable (smtp|pop3|imap|external)|not enabled for (this|the) (account|user|mailbox)"),
        (Reason.login_blocked, r"(account|user|login|mailbox) .{0,30}(locked|suspended|disabled|blocked|deactivated|inactive)|too many"),
        (Reason.password, r"(username|user name|login|user) (and|or)/?(or)? password|bad (username|credentials|login|password)|(invalid|incorrect|wrong) (login|log-in|username|user|password|credentials?|authentication)|(authentication|auth|login) (credentials )?(failed|failure|unsuccessful|rejected|invalid|error)|password (is )?(incorrect|wrong|invalid|mismatch)|credentials? (are )?(invalid|rejected)|not accepted"),
    ),
)

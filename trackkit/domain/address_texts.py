"""What the usual mail programs say of relaying, of addresses and domains, of the host itself, and without more words.

These are words of many replies ("rejected: user unknown"), so all that says more is looked up before. Why something
failed comes before that it waited too long.
"""

from __future__ import annotations

from typing import Final

from trackkit.domain.reasons import Reason
from trackkit.domain.reply_texts import group, says

ADDRESS_TEXTS: Final = (
    group(
        "loops: Postfix, sendmail, qmail",
        says(
            Reason.loop,
            r"too many hops",
            r"hop ?count",
            r"(mail|message|routing|forwarding) (is )?loop",
            r"loops back",
            r"lowest numbered mx record points to local",
            r"looping",
            r"delivered-to line",
        ),
    ),
    group(
        "relaying: Postfix, Exim, sendmail, qmail",
        says(
            Reason.relaying_denied,
            r"relay(ing)? (access )?(is )?(denied|not (allowed|permitted|authori[sz]ed)|prohibited|refused|"
            r"attempt)",
            r"(no|not|unable to|cannot|won't|not (allowed|permitted|authori[sz]ed) to) relay(ing)?\b",
            r"allowed rcpthosts",
            r"relay access",
            r"relay rejected",
            r"insecure mail relay",
            r"(required|authenticated) (for|to) relay",
            r"not an? open relay",
            r"we (do not|don't) relay",
        ),
    ),
    group(
        "ports: RFC 6409, and what hosts say whose port 25 is for other hosts",
        says(
            Reason.other_port,
            r"(use|try|connect to|switch to) (the )?(smtp |tcp )?(port \d{2,5}|submission port)",
            r"submission (service|port) (instead|\d)",
            r"port 25 (is )?(blocked|not allowed|closed)",
        ),
    ),
    group(
        "encryption and log-in: RFC 3207, RFC 4954",
        says(
            Reason.tls_required,
            r"must issue a? ?starttls",
            r"starttls (is )?(required|first|command first)",
            r"(encryption|tls|ssl)( connection)? (is )?(required|needed|mandatory)",
            r"(requires?|need) (an? )?(encrypt|tls|secure|starttls)",
            r"(does not|doesn't|not) support (tls|starttls|encryption)",
        ),
        says(
            Reason.login_required,
            r"authentication (is )?(required|needed)(?! (for|to) relay)",
            r"authenticate first",
            r"must (first )?(authenticate|log ?in)",
            r"log ?in (is )?required",
            r"(please|need to|have to) (authenticate|log ?in)",
            r"unauthenticated (senders?|users?|clients?)",
            r"not (logged in|authenticated)",
            r"check (for new )?mail first",
            r"smtp auth",
        ),
    ),
    group(
        "takes no mail: RFC 7504, RFC 7505, and what senders say of a domain without a mail host",
        says(
            Reason.takes_no_mail,
            r"null ?mx",
            r"(does|do) not accept (any )?(e-?)?mail\b",
            r"(doesn't|don't) accept (any )?mail\b",
            r"accepts no mail",
            r"no smtp service",
            r"indicated no smtp",
            r"no mx records? found",
            r"find a mail exchanger",
            r"no mail (service|exchanger)",
        ),
    ),
    group(
        "senders: Postfix, Exim, sendmail, qmail",
        says(
            Reason.sender_rejected,
            r"sender (address |domain |verify |is )?(was |has been )?(rejected|refused|denied|fail(ed|ure)|"
            r"invalid|blocked|not (allowed|permitted|valid|found|accepted))",
            r"sender verif",
            r"(domain of )?sender'?s?( e?mail)? (address|domain) .{0,160}(does not|doesn't|must|cannot|"
            r"could not|couldn't|not|required|invalid)",
            r"badmailfrom",
            r"invalid sender",
            r"from address .{0,40}(rejected|invalid|not)",
            r"purported responsible",
            r"your (address|domain|email) .{0,30}(rejected|refused|denied)",
            r"mail from .{0,80}(rejected|refused|denied) (?!for policy)",
        ),
        says(
            Reason.not_authorised,
            r"not (authori[sz]ed|permitted|allowed) to (post|send|write|submit)",
            r"delivery not authori[sz]ed",
            r"only .{0,30}(members|subscribers|senders)",
            r"members?[- ]only",
            r"permission to (post|send)",
            r"not accepting (mail|messages) from (you|this|external)",
            r"(restricted|closed) (list|group)",
        ),
    ),
    group(
        "users who are gone or shut off: Postfix, Exim, sendmail, Gmail, Exchange",
        says(
            Reason.user_moved,
            r"(user|recipient|mailbox|account|address)\b.{0,60}\b(has )?(moved|changed|no longer (on|here|"
            r"with|at|works))",
            r"user not local",
            r"new (e-?mail )?address is",
        ),
        says(
            Reason.mailbox_disabled,
            r"no longer accepts",
            r"badrcptto",
            r"not activated",
            r"(account|mail ?box|user|recipient|address)\b.{0,60}\b(disabled|inactive|suspended|deactivated|"
            r"locked|frozen|blocked|expired|terminated|closed|not active|discontinued)",
            r"(disabled|inactive|suspended|deactivated|expired|locked|frozen|dormant) (recipient|user|"
            r"account|mail ?box|e?mail|address)",
        ),
    ),
    group(
        "domains that the host says are none: Postfix, sendmail",
        says(
            Reason.unknown_domain,
            r"(host|domain)( name)? (is |was )?(unknown|not found|nonexistent|(does not|doesn't) exist)",
            r"unknown (host|domain)",
            r"\bmx records? point to non-?existent",
        ),
    ),
    group(
        "unknown users: Postfix, Exim, sendmail, qmail, Domino, IMail, Exchange",
        says(
            Reason.unknown_user,
            r"unknown local part",
            r"not our (user|customer)",
            r"several matches found",
            r"^#?(5\.1\.0 )?address rejected",
            r"(no|unknown|invalid|bad|illegal|nonexistent|non-existent|unroutable|unrouteable|"
            r"undeliverable) (such )?(final delivery )?(local )?(user|userid|recipient|mail ?box|address|"
            r"account|person|alias|e-?mail address)",
            r"(user|recipient|mail ?box|account|address|addressee|alias)\b.{0,100}\b(unknown|not (found|"
            r"exist|known|recogni[sz]ed|listed|valid|registered|there|here|a registered)|(doesn't|does not|"
            r"didn't|did not|no longer|don't|do not) (exist|have)|could not be found|isn't|couldn't be found|"
            r"wasn't found|invalid|non-?existent)",
        ),
        says(
            Reason.unknown_user,
            r"no (mailbox|one|user) (here )?by that name",
            r"(user|recipient) (unknown|not exist)",
            r"not a (valid|known|registered) (user|mailbox|recipient|address)",
            r"is not a registered",
            r"no valid recipients",
            r"name is not recogni[sz]ed",
            r"not listed in",
            r"does not like recipient\b$",
            r"invalid recipient",
            r"no recipients",
        ),
    ),
    group(
        "unknown domains: Postfix, Exim, sendmail, qmail, OpenSMTPD",
        says(
            Reason.unknown_domain,
            r"(host|domain)( name)?\b.{0,80}\b(unknown|not found|does not exist|doesn't exist|non-?existent|"
            r"invalid|may not exist)",
            r"(no such|couldn't find any) (host|domain)",
            r"nxdomain",
            r"bad destination (system|host)",
            r"domain (is )?not reachable",
            r"unable to find .{0,20}domain",
            r"illegal host",
            r"domain .{0,40}(isn't|is not) (valid|hosted)",
            r"find any host named",
        ),
    ),
    group(
        "DNS and network of the host: Postfix, sendmail, qmail, Exim",
        says(
            Reason.host_dns,
            r"(name ?server|dns|mx|cname)\b.{0,30}\b(error|fail(ed|ure)|timed? ?out|no data)",
            r"(dns|cname|mx) lookup",
            r"name (service|server)",
            r"lookup failure",
        ),
        says(
            Reason.unreachable,
            r"lost connection",
            r"(connection|operation|connect|session|read|conversation)\b.{0,30}\b(timed? ?out|refused|reset|"
            r"lost|dropped|closed|failed)",
            r"(no route|unreachable|not (reachable|responding|answering))",
            r"(did not|not) (accept our requests to connect|respond|answer)",
            r"unable to (connect|establish|contact (the )?(destination|remote|smtp|host))",
            r"(wasn't|was not|not) able to (establish|connect)",
            r"network (error|is down|unreachable)",
            r"no answer from",
            r"smtp connection",
        ),
    ),
    group(
        "content: Postfix header and body checks, Exim, filters",
        says(
            Reason.content,
            r"header error",
            r"header\b.{0,40}\b(invalid|malformed|missing|not accepted|rejected)",
            r"content\b.{0,20}\b(rejected|not accepted|not acceptable|denied|blocked)",
            r"(attachment|file)s? .{0,40}(not (allowed|accepted|permitted)|blocked|forbidden|prohibited|"
            r"rejected)",
            r"(banned|prohibited|forbidden) (content|attachment|file|word)",
            r"(bare|stray) (lf|cr|newline)",
            r"(malformed|badly formatted) (message|header|mime)",
            r"media (error|not supported)",
            r"message (was )?filtered",
            r"rfc ?(2?822|5322|2?821|5321)",
            r"non-?compliant",
            r"8bit",
            r"date: header",
            r"line too long",
            r"lines? longer",
        ),
    ),
    group(
        "lists of the host's own: sendmail's access map, Exim's access lists",
        says(
            Reason.access_denied,
            r"access denied",
            r"not allowed to connect",
        ),
    ),
    group(
        "policy without more: Postfix policy services, filters",
        says(
            Reason.policy,
            r"\bpolicy\b",
            r"policies",
            r"(protocol|security) violation",
            r"not accepted here",
            r"administratively (denied|prohibited)",
            r"administrative prohibition",
        ),
    ),
    group(
        "trouble inside the host: Postfix, Exim, sendmail, Exchange",
        says(
            Reason.host_trouble,
            r"internal (system |server |software )?(error|failure)",
            r"(system|server|service|mail ?er|local|software|configuration|config|resources?|"
            r"processing)\b.{0,20}\b(error|failure|problem|trouble|unavailable|not available)",
            r"(system|local) config",
            r"temporar(y|ily) (system|local|server|error|unavailable|problem|unable)",
            r"unable to contact ldap",
            r"ldap server",
            r"over(load|loaded)",
            r"load average",
            r"(server|system) (is )?busy",
            r"try again later.{0,20}resources",
            r"mailer error",
            r"exec(ute)? .{0,20}fail",
            r"qq (trouble|temporary)",
            r"unable to (exec|process|open)",
            r"(out of|insufficient) memory",
            r"couldn't create",
            r"could not create",
            r"command failed",
            r"service (currently )?unavailable",
        ),
    ),
    group(
        "waiting too long: Postfix, Exim, sendmail, qmail, OpenSMTPD",
        says(
            Reason.expired,
            r"retry time not reached",
            r"been failing for a long time",
            r"(message|mail|envelope|delivery|queue)\b.{0,40}\b(expired|time-?out|time exceeded|too long)",
            r"retry time-?out",
            r"giving up",
            r"undelivered after",
            r"will (keep|continue) trying",
            r"(in (the )?queue|been queued) (for )?too long",
            r"not delivered within",
            r"could not (be )?deliver(ed)? (for|within|after)",
            r"unable to deliver .{0,40}(after|within|in)\b",
        ),
    ),
    group(
        "commands and their order: RFC 5321",
        says(
            Reason.protocol,
            r"(command|syntax|parameter|argument)s? .{0,30}(not (implemented|recogni[sz]ed|understood|"
            r"supported)|error|unrecogni[sz]ed|unknown)",
            r"(bad|improper|wrong|invalid) (command )?sequence",
            r"bad command",
            r"synchroni[sz]ation error",
            r"out of sequence",
            r"syntax error",
            r"unrecogni[sz]ed (command|parameter)",
            r"unsupported (command|option)",
            r"send (hello|helo|ehlo) first",
        ),
    ),
)

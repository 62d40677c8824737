"""Replies as providers and mail programs document them, with the reason each stands for."""

from __future__ import annotations

SAMPLES = """
None | 450 mailbox unavailable.
None | 451 4.7.1 Try again later
None | 550 5.0.0 Unspecified
None | 550 Blocked
None | 550 Mail is rejected by recipients
None | 554 5.7.1 Message rejected by recipient
None | 554 Transaction failed
access_denied | 554 5.7.1 <unknown[1.2.3.4]>: Client host rejected: Access denied
access_denied | 554 5.7.1 You are not allowed to connect.
account_blocked | 550 5.4.6 Unusual sending activity detected. Please try after sometime
account_blocked | 554 5.1.8 Email Outgoing Blocked
authentication | 550 5.7.0 Local DMARC policy
authentication | 550 5.7.1 Email rejected per DMARC policy for a.test
authentication | 550 5.7.1 SPF check failed: 1.2.3.4 is not authorized to send in the name of a.test
authentication | 550 5.7.1 SPF unauthorized mail is prohibited.
authentication | 550 5.7.515 Access denied, sending domain a.test doesn't meet the required authentication level.
authentication | 550 DMARC check failed
authentication | 550 MI:SPF mx1
authentication | 550 Mail rejected by Domain-based Message Authentication DMARC
authentication | 550 Message was not accepted -- invalid mail: DKIM validation error
authentication | 550 rejecting spoofed message
authentication | 554 5.7.5 Permanent error evaluating DMARC policy
blocklisted | 450 DT:RBL 192.0.2.1
blocklisted | 550 5.7.1 Client host rejected: 192.0.2.1 is blocked by our firewall
blocklisted | 550 5.7.511 Access denied, banned sender[1.2.3.4]
blocklisted | 550 Dynamic IP Addresses See: http://www.sorbs.net/lookup.shtml
blocklisted | 550 IP=1.2.3.4 - Dialup/transient IP not allowed. Use a mailgateway
blocklisted | 550 Your IP has been blacklisted; see www.backscatterer.org
blocklisted | 550 black ip.
blocklisted | 554 5.7.1 Blocked by spam statistics - see https://feedback2.yandex.com
blocklisted | 554 Connection refused. IP is on a local blacklist
blocklisted | 554 rbl deny.
blocklisted | 554 refused mailfe04.swip.net mail server permanently rejected message. BL000010
blocklisted | 571 Email from 192.0.2.1 is currently blocked by Verizon Online's anti-spam system.
content | 550 5.6.2 STOREDRV; bare linefeeds are not allowed
content | 550 5.7.1 Message content is not acceptable
content | 550 5.7.1 Our policy does not allow executable attachment; blocked file extension
content | 550 5.7.1 messages missing a valid Message-ID header are not accepted
content | 550 Executable files are not allowed in compressed files.
content | 550 This message contains a banned attachment type (.exe)
content | 550 maximum allowed line length is 998 octets, got 1200
content | 553 Message filtered. Refer to the Troubleshooting page at http://www.symanteccloud.com/troubleshooting
content | 554 5.6.0 Message contains invalid header
expired | 550 retry time not reached for any host after a long failure period
expired | 550 retry timeout exceeded
greylisted | 450 4.2.0 <x>: Recipient address rejected: Greylisted for 5 minutes
greylisted | 450 4.7.1 <x>: Recipient address rejected: Policy restrictions; try later
greylisted | 451 4.3.0 Try again in 5 minutes, greylist
greylisted | 451 4.7.1 Greylisting in action, please come back later
greylisted | 451 GL: message temporarily deferred, greylisted for 300 seconds
host_dns | 550 DNS Error: DNS server returned answer with no data
host_dns | 550 Deferred: Name server: x.test: host name lookup failure
host_full | 452 4.3.1 Insufficient system resources
host_full | 452 4.3.1 Insufficient system storage; disk full
host_full | 452 Out of disk space for temp file
host_trouble | 421 4.3.2 Service shutting down
host_trouble | 421 4.4.5 Server busy, try again later.
host_trouble | 421 service not available
host_trouble | 450 database temporary error.
host_trouble | 450 out of memory.
host_trouble | 451 4.3.0 Mail server temporarily rejected message
host_trouble | 451 4.3.5 Server configuration error
host_trouble | 451 Requested action aborted: local error in processing
host_trouble | 451 Temporary local problem - please try later
host_trouble | 451 internal server error
host_trouble | 452 4.3.1 Temporary System Error
host_trouble | 553 5.3.5 system config error
host_trouble | 554 5.3.0 Internal error reading data
host_trouble | 554 5.3.5 Local configuration error
login_required | 503 5.5.4 Bad sequence of commands; authenticate first
login_required | 530 SMTP authentication is required.
login_required | 550 5.7.1 Unauthenticated users are not allowed
login_required | 550 Access denied - must check mail first via POP3
login_required | 553 5.7.1 <a@b.test>: Sender address rejected: not logged in
loop | 550 Too many "Received" headers - suspected mail loop
loop | 550 mail for x.test loops back to myself
loop | 552 looping message.
loop | 554 5.4.0 Error: too many hops
loop | 554 5.4.14 Hop count exceeded - possible mail loop
mailbox_disabled | 550 5.1.1 Inactive email address
mailbox_disabled | 550 5.1.1 account has been closed
mailbox_disabled | 550 5.2.1 <x@gmx.net>... User is inactive
mailbox_disabled | 550 5.5.0 This account has been suspended for non payment
mailbox_disabled | 550 5.7.1 user account is not activated
mailbox_disabled | 550 <x@l.test>: Recipient address rejected: Account Closed
mailbox_disabled | 550 Account suspended
mailbox_disabled | 550 This address no longer accepts mail.
mailbox_disabled | 550 User has been disabled
mailbox_disabled | 550 email account is blocked by administrator
mailbox_disabled | 550 mailbox is inactive
mailbox_disabled | 550 recipient is suspended
mailbox_disabled | 550 user is locked.
mailbox_disabled | 554 5.7.1 recipient mailbox is temporarily disabled
mailbox_disabled | 554 account is locked
mailbox_full | 422 The recipient's mailbox has exceeded its storage limit.
mailbox_full | 450 user bob: mailbox quota is full
mailbox_full | 452 4.1.1 requested action not taken: mailbox full
mailbox_full | 452 Insufficient space to store message; user disk quota exceeded
mailbox_full | 500 5.0.0 Depot returns error: <552 5.2.2 Over quota>
mailbox_full | 550 5.2.2 <x>: Recipient address rejected: Mailbox over quota
mailbox_full | 550 5.7.1 Mailbox size limit exceeded
mailbox_full | 550 As their mailbox is full.
mailbox_full | 550 Benutzer hat das Speichervolumen ueberschritten. / User has exhausted allowed storage space.
mailbox_full | 550 Benutzer hat zuviele Mails auf dem Server. / User has too many messages on the server.
mailbox_full | 550 Disk quota exceeded
mailbox_full | 550 account is over-quota
mailbox_full | 550 boite du destinataire pleine
mailbox_full | 550 error ( quota exceeded )
mailbox_full | 550 mailbox is full (MTA-imposed quota exceeded while writing to file /home/x/mail)
mailbox_full | 550 user is over quota
mailbox_full | 552 5.2.2 Over STORAGE quota
mailbox_full | 552 Mailbox has exceeded the limit
mailbox_full | 552 Requested mail action aborted: exceeded storage allocation
mailbox_full | 552 mailbox full - quota exceeded
mailbox_full | 554 5.2.2 mailbox for user is full
not_authorised | 550 5.7.1 You are not authorised to post to this group
not_authorised | 550 Post by non-member to a members-only list
other_port | 550 5.7.1 Please use port 587 to submit mail
policy | 421 Reject due to policy violations
policy | 501 Connection rejected by policy [7.7] 38206
protocol | 500 5.5.2 Error: bad syntax
protocol | 501 Syntax error in parameters or arguments
protocol | 503 5.5.1 Error: need MAIL command
protocol | 554 SMTP synchronization error
rate_limited | 421 4.7.0 Too many messages in this session
rate_limited | 421 HL:IFC
rate_limited | 421 Rate limit reached. Please try again later
rate_limited | 421 Try again later. RL000003
rate_limited | 450 4.7.1 Error: too much mail from 192.0.2.1
rate_limited | 451 MI:SFQ
rate_limited | 452 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded
rate_limited | 550 Sender frequency limited.
relaying_denied | 550 5.7.1 We do not relay without RFC2554 authentication
relaying_denied | 550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
relaying_denied | 550 Insecure mail relay
relaying_denied | 550 authentication required for relay
relaying_denied | 550 must be authenticated to relay
relaying_denied | 553 5.7.1 Relaying denied from your location
relaying_denied | 553 Relaying disallowed as <a@b.test>
relaying_denied | 553 host denies relay.
relaying_denied | 554 Relay rejected for policy reasons
reputation | 421 HL:REP
reputation | 421 RP-001 (SNT004) Unfortunately, some messages from 1.2.3.4 weren't sent
reputation | 550 5.7.1 Rejected because of poor reputation score
reputation | 550 SC-001 (BAY004-MC1F10) Unfortunately, messages from 1.2.3.4 weren't sent.
reputation | 554 Your access to this mail system has been rejected due to the sending MTA's poor reputation
reverse_dns | 450 4.7.1 <localhost>: Helo command rejected: Host not found
reverse_dns | 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]
reverse_dns | 501 5.5.4 Invalid domain name; HELO requires domain address
reverse_dns | 550 5.7.1 Unable to resolve PTR
reverse_dns | 550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)
reverse_dns | 550 FAIL (REVERSE DNS): your IP has no PTR
reverse_dns | 550 HELO/EHLO with IP address is not allowed
reverse_dns | 554 5.7.1 <unknown[1.2.3.4]>: Client host rejected: Access denied; no reverse DNS
reverse_dns | 554 IP name not possible to resolve: no rDNS
reverse_dns | 554 Refused. Your reverse DNS entry contains your IP address and a country code.
sender_rejected | 550 5.7.1 <a@b>: Sender address rejected: Access denied
sender_rejected | 550 5.7.1 Sender Address Rejected: you must use your own address
sender_rejected | 550 Invalid sender domain
sender_rejected | 550 Sender verify failed
sender_rejected | 550 Verification failed for <a@b.test> The mail server does not recognize; Sender verify failed
sender_rejected | 552 mail from invalid.
sender_rejected | 553 5.1.7 Address is not valid
sender_rejected | 553 5.7.1 <a@b.test>: Sender address rejected: not owned by user ada
sender_rejected | 553 host denies the sender.
sender_rejected | 553 sorry, your envelope sender domain must exist (#5.7.1)
sender_rejected | 554 5.2.252 SendAsDenied; a@b.test not allowed to send as c@d.test
sender_rejected | 554 mail address invalid.
sending_quota | 454 Throttling failure: Daily message quota exceeded.
sending_quota | 554 Domain a.test has exceeded the max emails per hour (250/200 (125%)) allowed. Message discarded.
spam | 550 5.7.1 Blocked by SpamAssassin
spam | 550 5.7.1 Message rejected due to content restrictions; spam score 12
spam | 550 5.7.1 Sorry, message looks like SPAM to me
spam | 550 High probability of spam
spam | 550 Mail content denied. http://service.exmail.qq.com
spam | 550 Message rejected as spam by Content Filtering.
spam | 550 This message was classified as SPAM and may not be delivered
spam | 552 message rejected by anti-spam engine.
spam | 554 5.7.1 Mail appears to be unsolicited -- send error reports to postmaster
spam | 554 5.7.1 Rejected by content scanner: this is spam
spam | 554 5.7.1 Spam message discarded
spam | 554 5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc
spam | 554 DT:SPM smtp4
spam | 554 Your email is considered spam (15.5 spam-hits)
spam | 571 5.7.1 message classified as spam
takes_no_mail | 550 5.7.27 Recipient domain has null MX
takes_no_mail | 554 nullMX: x.test does not accept mail
tls_required | 451 4.7.321 starttls-not-supported: Destination mail server must support TLS
tls_required | 550 5.7.10 Encryption required for sending to this host
tls_required | 554 5.7.0 Session encryption is required
too_large | 550 Message exceeds maximum size
too_large | 550 message size 4567890 exceeds size limit 1000000 of server mx.test[192.0.2.1]
too_large | 552 Error: message too large
too_large | 552 message is too long.
too_many_connections | 421 4.7.0 [192.0.2.1] Too many concurrent SMTP connections; please try again later.
too_many_connections | 421 Downstream server error: Connection limit exceeded
too_many_connections | 421 HL:ICC 192.0.2.1 http://mail.163.com/help
too_many_connections | 421 Too many connections from your host
too_many_connections | 450 Maximum connections reached for your IP, try again later
unknown_domain | 550 5.1.2 Unable to lookup DNS for x.test
unknown_domain | 550 5.4.4 unrouteable mail domain "b.test"
unknown_domain | 550 DNS Error: Address resolution of x.test failed: Domain name not found
unknown_domain | 550 Host or domain name not found. Name service error for name=x.test type=A: Host not found
unknown_domain | 550 Host unknown
unknown_domain | 550 Host unknown (Name server: x.test: host not found)
unknown_domain | 550 I couldn't find any host by that name. (#4.1.2)
unknown_domain | 550 all relevant MX records point to non-existent hosts
unknown_domain | 553 5.1.2 We weren't able to find the recipient domain.
unknown_user | 550 #5.1.0 Address rejected bob@x.test
unknown_user | 550 5.1.0 Address rejected.
unknown_user | 550 5.1.1 <x>... Mailbox not found
unknown_user | 550 5.1.1 <x@gmx.net>... User is unknown
unknown_user | 550 5.1.1 The user could not be located
unknown_user | 550 5.1.1 bob@x.test: Recipient address rejected: undeliverable address
unknown_user | 550 5.1.1 user unknown
unknown_user | 550 5.2.0 No such mailbox
unknown_user | 550 5.2.1 <EXAMPLE@PRODIGY.NET>... Addressee unknown, relay=[1.2.3.4]
unknown_user | 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)
unknown_user | 550 <x>: invalid address
unknown_user | 550 Benutzer nicht bekannt/User unknown
unknown_user | 550 Invalid recipient bob@x.test (#5.1.1)
unknown_user | 550 MAILBOX NOT FOUND
unknown_user | 550 Mailbox not found. http://service.exmail.qq.com/cgi-bin/help
unknown_user | 550 No such person at this address
unknown_user | 550 Not a valid recipient
unknown_user | 550 Unknown local part x in <x@web.de>
unknown_user | 550 User bob (bob@x.test) matches several entries; several matches found in Domino Directory
unknown_user | 550 User not found
unknown_user | 550 Verification failed; Unknown user; Callout verification failed
unknown_user | 550 bob@x.test is not a known user on this system
unknown_user | 550 cuda_nsu 5.1.1 <email@example.com> Recipient address rejected: User unknown
unknown_user | 550 not our customer
unknown_user | 550 recipient <bob@x> does not exist here
unknown_user | 550 unrouteable address
unknown_user | 550 user has no mailbox here
unknown_user | 553 5.3.0 <bob@x.test>... Addressee unknown
unknown_user | 554 Sorry, no mailbox here by that name. (#5.1.1)
unknown_user | 554 delivery error: dd This user doesn't have a yahoo.de account
unreachable | 550 The recipient server did not accept our requests to connect.
unreachable | 550 connect to x.test[192.0.2.1]:25: Connection refused
unreachable | 550 connect to x.test[192.0.2.1]:25: Operation timed out
unreachable | 550 conversation with x.test[192.0.2.1] timed out while receiving the initial server greeting
unreachable | 550 lost connection with x.test[192.0.2.1] while sending RCPT TO
virus | 550 5.7.1 The message was rejected because it contains prohibited virus or spam content
virus | 552 5.7.1 virus EICAR detected by Zoho Mail
virus | 552 Virus found.
virus | 554 This email has been rejected. Message infected with a virus (Win.Test)
virus | 554 Virus detected; Message Bounced due to Anti-virus
"""

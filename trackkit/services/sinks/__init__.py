"""Where log entries go, behind one interface (`outlet.Sink`): the server log's database, the operating system's event
log (journald, syslog, the NT event log), the e-mailed digest, startup.log. Each has its level, asked at every entry.
"""

"""Taking mail by SMTP: bytes (`wire`), a message while it arrives (`content`), a client's conversation (`session`)."""

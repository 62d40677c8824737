"""E-mail tracking: what a mail that comes in is, what it says, and to which record it belongs."""

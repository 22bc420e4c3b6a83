"""One mailbox: sends by SMTP, at most once, and reads by IMAP without leaving a trace there."""

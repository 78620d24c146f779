"""How fast, against whom: `make bench`. Ratios of whole commands, measured in turn on this machine in this run.

extract   against a bare loop that reads each file and parses it with email.parser (compat32), one process
decode    what reading Japanese text costs: as a share of extract, and where the standard library gives up
load      against doveadm import, mbsync without compression, a plain imapclient loop, and imapsync where it is
          installed; all into the same Dovecot (sdbox, fsync on), each into a mailbox of its own
far       the same over a line with 30 ms there and back, which doveadm import does not need
road      extract, judge, load and verify of every header together, against those who only move mail
pull      extract from an IMAP server against `doveadm backup` over imapc
exchange  what a mail costs our requests to an Exchange, against exchangelib, on our double
dump      (only if asked for) rows out of SQL dumps of 1 GB, in MB/s
"""

"""The kinds of files that rows come from. To add one: a module here with a RowShape, and its name in `Rows`.

shape.py       what all kinds have in common          separated.py   csv: text, one row a line
fixed.py       records of one width                   dbf.py         dBASE and its heirs
sqlite.py      a table of an SQLite database          objects.py     JSON
sections.py    INI                                    elements.py    XML
dump.py        an SQL dump                            sqltext.py     how values are written in one
mails.py       files that are nothing but mails      names.py       no table at all: the names of files
dbm.py         pairs of keys and values              gdbm.py, berkeley.py, window.py  how such files are laid out
directories.py Maildir and MH                         eudora.py      where Eudora's mails begin
live.py        a table of a database that lives
"""

from typing import Annotated

from pydantic import Field

from adapters.groupware.rows.dbf import Dbf
from adapters.groupware.rows.dbm import Dbm
from adapters.groupware.rows.directories import MaildirRows, MhRows
from adapters.groupware.rows.dump import SqlDump
from adapters.groupware.rows.elements import Xml
from adapters.groupware.rows.fixed import Fixed
from adapters.groupware.rows.live import LiveTable
from adapters.groupware.rows.mails import Mbox, Records
from adapters.groupware.rows.names import Names
from adapters.groupware.rows.objects import Json
from adapters.groupware.rows.sections import Ini
from adapters.groupware.rows.separated import Csv
from adapters.groupware.rows.sqlite import Sqlite

Rows = Annotated[
    Csv
    | Fixed
    | Dbf
    | Dbm
    | Sqlite
    | LiveTable
    | Json
    | Ini
    | Xml
    | SqlDump
    | Mbox
    | Records
    | Names
    | MaildirRows
    | MhRows,
    Field(discriminator="type"),
]
"""Every kind of rows, told apart by `type`."""

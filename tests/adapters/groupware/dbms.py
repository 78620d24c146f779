"""DBM files as Debian's own tools write them."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.servers import absent

Pairs = Iterable[tuple[bytes, bytes]]

TIE = "tie my %pairs, 'GDBM_File', $ARGV[0], GDBM_WRITER, 0644 or die $!;"
PERL = f"""
use GDBM_File;
{TIE}
while (<STDIN>) {{ chomp; my ($key, $value) = split / /, $_, 2; $pairs{{pack 'H*', $key}} = pack 'H*', $value }}
"""
"""Its own loader takes no empty value."""


def gdbm(path: Path, pairs: Pairs, *options: str) -> Path:
    """By libgdbm; the options are gdbmtool's."""
    path.unlink(missing_ok=True)
    _run("gdbmtool", "gdbmtool", "--newdb", *options, path, "count")
    _run("perl", "perl", "-e", PERL, path, text="".join(f"{key.hex()} {value.hex()}\n" for key, value in pairs))
    return path


def perls_own(path: Path, pairs: Pairs) -> Path:
    """By whatever Perl takes where a program only says that it wants a DBM."""
    program = PERL.replace("use GDBM_File;", "").replace(TIE, "dbmopen my %pairs, $ARGV[0], 0644 or die $!;")
    _run("perl", "perl", "-e", program, path, text="".join(f"{key.hex()} {value.hex()}\n" for key, value in pairs))
    (written,) = [each for each in path.parent.glob(f"{path.name}.*") if each.suffix in (".db", ".pag")]
    return written


def berkeley(path: Path, pairs: Pairs, *options: str, kind: str = "hash") -> Path:
    """By libdb; the options are lines of db_load's header."""
    path.unlink(missing_ok=True)
    lines = ["VERSION=3", "format=bytevalue", f"type={kind}", *options, "HEADER=END"]
    lines += [f" {part.hex()}" for pair in pairs for part in pair]
    _run("db5.3-util", "db5.3_load", path, text="\n".join([*lines, "DATA=END", ""]))
    return path


def _run(package: str, program: str, *rest: str | Path, text: str = "") -> None:
    if shutil.which(program) is None:
        absent(program, f"apt-get install {package}")
    subprocess.run([program, *rest], input=text.encode(), check=True, capture_output=True)

"""No name breaks out of a script: whatever a sender calls itself, its rule is about it alone, or is not made."""

import re
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from migrator.mail import envelope
from migrator.rules import exchange, postfix, sieve
from migrator.rules.choosing import Chosen, Rule, Standing, choose
from migrator.rules.subjects import Orders
from migrator.text import shown
from tests.servers.sieve import SieveTest

FOLDER = "広告"
HOSTILE = (
    'a"; discard; #@evil.example',
    'a\\"];discard;"@evil.example',
    "*@evil.example",
    "?*\\@evil.example",
    "${subject}@evil.example",
    "${hex:22}@evil.example",
    "a\r\ndiscard;\r\n@evil.example",
    "a/ REJECT\n/.*/ DISCARD@evil.example",
    "a'; Remove-Mailbox x #@evil.example",
    "a\u2019; Remove-Mailbox x #@evil.example",
    "$(Remove-Mailbox x)`n@evil.example",
    "*/ /* # text:@evil.example",
    "山田\u202e@evil.example",
    "a\0b@evil.example",
    ".*@evil.example",
    "a|b(c)[d]{2}^$+@evil.example",
)

names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(min_size=1, max_size=60),
    st.text(st.sampled_from("\"'\\*?${}()[]|^.#;/\n\r\t<>@,: ab山\u2019"), min_size=1, max_size=40),
)


def chosen(*names: str, is_list: bool = False, by_subject: bool = False) -> Chosen:
    """What becomes of these names, were there mail of each and nothing against it."""
    told = {name: Standing(mails=1, is_list=is_list, orders=int(by_subject)) for name in names}
    return choose(told, lambda digests: {}, Orders(frozenset(), ("order", "注文")))


def mail(field: bytes) -> bytes:
    return field + b"\r\nTo: sato@example.co.jp\r\nSubject: sale\r\n\r\ntext\r\n"


INNOCENT = (
    b"From: Tanaka <tanaka@customer.example>",
    b"From: a@evil.example.customer.example",
    b"From: MAILER-DAEMON\r\nList-Id: <innocent.example>",
)


@given(st.lists(names, min_size=1, max_size=5), st.booleans(), st.booleans())
def test_a_sieve_script_of_any_names_compiles_and_files_no_other_mail(
    sieve_test: SieveTest, hostile: list[str], is_list: bool, by_subject: bool
) -> None:
    script, made = sieve.script(chosen(*hostile, is_list=is_list, by_subject=by_subject), FOLDER)
    assert {rule.name for rule in made.rules} == {
        name for name in hostile if _is_plain(name) and (is_list or "*" not in name)
    }
    for field in INNOCENT:
        assert sieve_test.folders(script, mail(field)) == ["INBOX"]


def _is_plain(name: str) -> bool:
    return shown(name) == name and not re.search(r"\s", name)


_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*")
"""A dot-atom (RFC 5322 §3.2.3). What must be quoted, Pigeonhole compares in quotes: such mail stays in the inbox."""

LOCAL = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=30)


@given(LOCAL)
@example("*")
@example('a"];discard;"')
@example("${subject}")
@example("a\\b")
def test_a_sieve_rule_files_the_mail_of_its_own_sender(sieve_test: SieveTest, local: str) -> None:
    quoted = local.replace("\\", "\\\\").replace('"', '\\"')
    own = mail(f'From: Shop <"{quoted}"@evil.example>'.encode())
    name = envelope(own).sender
    script, _ = sieve.script(chosen(name), FOLDER)
    filed = sieve_test.folders(script, own)
    assert filed == [FOLDER] or (filed == ["INBOX"] and ("*" in local or not _ATOMS.fullmatch(local)))
    neighbour = mail(f'From: Shop <"x{quoted}"@evil.example>'.encode())
    assert sieve_test.folders(script, neighbour) == ["INBOX"]


@given(LOCAL.filter(lambda text: not set(text) & set("<>")))
def test_a_sieve_rule_files_the_mail_of_its_own_list(sieve_test: SieveTest, name: str) -> None:
    script, _ = sieve.script(chosen(name.lower(), is_list=True), FOLDER)
    assert sieve_test.folders(script, mail(f"From: a@b.example\r\nList-Id: News <{name}>".encode())) == [FOLDER]
    assert sieve_test.folders(script, mail(f"From: a@b.example\r\nList-Id: News <x{name}>".encode())) == ["INBOX"]


@given(st.text(min_size=1, max_size=30).filter(lambda text: shown(text) == text and text.strip() == text))
@example('a"; discard; #')
@example("広告/メールマガジン")
def test_a_folder_may_have_any_name(sieve_test: SieveTest, folder: str) -> None:
    script, _ = sieve.script(chosen("a@b.example"), folder)
    assert sieve_test.folders(script, mail(b"From: a@b.example")) == [folder]


# -- Postfix -------------------------------------------------------------------------------------------------------

_TABLE_LINE = re.compile(r"/\^(?:From|List-Id):(?:\\/|\[\\/\]|[^/])*/ PREPEND X-Migrator-Parked: (?:sender|list)|#.*")


@given(st.lists(names, min_size=1, max_size=5), st.booleans())
@example(list(HOSTILE), False)
def test_a_postfix_table_of_any_names_holds_lines_of_one_shape(hostile: list[str], is_list: bool) -> None:
    table, made = postfix.script(chosen(*hostile, is_list=is_list))
    lines = table.splitlines()
    assert [line for line in lines if not _TABLE_LINE.fullmatch(line)] == []
    assert sum(line.startswith("/") for line in lines) == len(made.rules)


# -- PowerShell ----------------------------------------------------------------------------------------------------

_QUOTES = "'\u2018\u2019\u201a\u201b"
_STRING = re.compile(f"[{_QUOTES}]((?:[^{_QUOTES}]|[{_QUOTES}][{_QUOTES}])*)[{_QUOTES}]")
"""As PowerShell's own scanner reads it: any of these quotes begins and ends a string, two of them are one."""

_COMMAND = re.compile(
    r"New-TransportRule -Name S(?: -(?:SenderAddressLocation Header|FromAddressMatchesPatterns|"
    r"(?:ExceptIf)?HeaderMatchesMessageHeader|(?:ExceptIf)?HeaderMatchesPatterns|ExceptIfSubjectMatchesPatterns|"
    r"SetHeaderName|SetHeaderValue)|(?: S| @\(S(?:,S)*\)))*"
)


def strings(command: str) -> tuple[str, Sequence[str]]:
    """A command with S for each string, and the strings."""
    found: list[str] = []

    def taken(match: re.Match[str]) -> str:
        found.append(re.sub(f"([{_QUOTES}])[{_QUOTES}]", r"\1", match[1]))
        return "S"

    return _STRING.sub(taken, command), found


@given(st.lists(names, min_size=1, max_size=5), st.booleans(), st.booleans())
@example(list(HOSTILE), False, True)
def test_a_powershell_script_of_any_names_only_makes_rules_that_set_a_header(
    hostile: list[str], is_list: bool, by_subject: bool
) -> None:
    script, made = exchange.script(chosen(*hostile, is_list=is_list, by_subject=by_subject))
    lines = script.removeprefix("\N{BYTE ORDER MARK}").splitlines()
    said: list[str] = []
    for line in (line for line in lines if not line.startswith("#")):
        command, found = strings(line)
        assert _COMMAND.fullmatch(command), command
        said += found
    for rule in made.rules:
        pattern = exchange._pattern(rule)
        assert pattern in said
        assert re.search(pattern, f"<{rule.name}>" if is_list else rule.name)
        assert not re.search(pattern, "x" + rule.name)


def test_many_senders_make_several_rules_and_a_long_name_is_left_out() -> None:
    many = [f"news{number}@shop.example" for number in range(1_000)]
    script, made = exchange.script(chosen(*many, "n" * 120 + "@shop.example"))
    lines = [line for line in script.splitlines() if line.startswith("New-TransportRule")]
    assert len(made.rules) == 1_000
    assert [reason.code for reason in made.left] == ["rules.too-long"]
    assert max(map(len, lines)) < 8_192
    assert sum(line.count("news") for line in lines) == 1_000


def test_a_name_that_no_rule_should_carry_is_listed() -> None:
    found = chosen("a\nb@evil.example", "a\u202eb@evil.example", "news@shop.example")
    assert found.rules == [Rule(name="news@shop.example")]
    assert [reason.code for reason in found.left] == ["rules.strange-name"] * 2

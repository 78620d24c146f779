"""Rights, states and 対応履歴 mails go to the target once, follow the source, spare what people did, and come back."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.memory import World
from migrator.inboxes import Member, Note, Principal, Right, Status
from migrator.ports import Holds
from migrator.shared.legend import Legend
from migrator.shared.mails import is_history, own
from migrator.staging.evidence import unread
from migrator.staging.reports import findings, status
from migrator.staging.store import Staging
from migrator.steps.rehearse import withdrawn
from migrator.steps.share import Inbox, Sharing, inboxes
from tests.desks import AT, two_desks
from tests.roads import Road, road

ACCOUNTS = ("support", "sales")
SHARING = Sharing(
    is_own=own(["example.co.jp"]),
    who_is=lambda person: person.login if person.known else None,
    today=datetime(2026, 4, 1, tzinfo=UTC),
    sender="no-reply@example.co.jp",
)
PLACES = (("INBOX",), ("Sent",))
ALL = frozenset(Right)


@pytest.fixture
def way() -> Iterator[Road]:
    with road() as laid:
        two_desks(laid.old)
        yield laid


def told(staging: Staging, sharing: Sharing = SHARING) -> list[Inbox]:
    return inboxes(staging, ACCOUNTS, sharing)


def load(way: Road, staging: Staging, sharing: Sharing = SHARING, **how: object) -> Counter[str]:
    way.extract(staging)
    return way.load(staging, shared=told(staging, sharing), **how)


def rights(world: World) -> dict[str, dict[str, frozenset[Right]]]:
    return {f"{owner}/{path[-1]}": dict(who) for (owner, path), who in world.rights.items() if who}


def words(world: World, owner: str = "support") -> dict[str, set[str]]:
    """By subject and number of the mail."""
    found = {}
    for path in PLACES:
        for each in world.mails(owner, path):
            if own_words := {flag for flag in each.flags if flag.startswith("gw_")}:
                found[each.raw.read().split(b"Message-ID: <")[1][:1].decode()] = own_words
    return found


def histories(world: World, owner: str = "support") -> list[bytes]:
    raws = [each.raw.read() for path in PLACES for each in world.mails(owner, path)]
    return [raw for raw in raws if is_history(raw)]


def last_run(staging: Staging) -> int:
    return staging.begin_run("look") - 1


def everywhere(way: Road) -> dict[str, dict[str, frozenset[Right]]]:
    """Sato's rights in every place there is."""
    return {f"{owner}/{path[-1]}": {"sato": ALL} for owner, path in way.new.boxes if owner in ACCOUNTS}


def test_members_get_their_rights_in_every_place_and_nobody_else(way: Road, staging: Staging) -> None:
    counts = load(way, staging)
    assert rights(way.new) == everywhere(way)
    assert counts["granted"] == len(everywhere(way)) >= 3


def test_mails_carry_their_state_and_the_legend_says_what_it_means(way: Road, staging: Staging) -> None:
    load(way, staging)
    found = words(way.new)
    assert {word for word in found["1"] if "tag" not in word} == {"gw_closed", "gw_by.sato"}
    legend = Legend.of(way.new.legends["support", ("INBOX",)])
    assert legend.states["gw_closed"] == (Status.CLOSED, "完了")
    assert legend.people == {"gw_by.sato": "sato"}
    assert list(legend.tags.values()) == ["返品"]
    (unexplained,) = found["3"]
    assert legend.states[unexplained] == (None, "要確認")


def test_the_history_is_one_mail_beside_the_conversations_last(way: Road, staging: Staging) -> None:
    load(way, staging)
    (raw,) = histories(way.new)
    assert b"In-Reply-To: <2@mail.example>" in raw
    (mail,) = [each for each in way.new.mails("support", ("Sent",)) if is_history(each.raw.read())]
    assert mail.received_at == AT
    assert "\\Seen" in mail.flags


def test_a_second_run_does_nothing_at_all(way: Road, staging: Staging) -> None:
    load(way, staging)
    before = {key: (box.next, dict(box.mails)) for key, box in way.new.boxes.items()}
    said: list[str] = []
    way.new.interrupt = said.append
    counts = load(way, staging)
    assert {key: (box.next, dict(box.mails)) for key, box in way.new.boxes.items()} == before
    assert not {"grant", "revoke", "set state", "publish", "deliver"} & set(said)
    assert +counts == Counter()


def test_the_ledger_closes_and_counts_our_own_mails_apart(way: Road, staging: Staging) -> None:
    load(way, staging)
    way.extract(staging)
    assert way.verify(staging).findings == 0
    found = way.ledger(staging)
    assert found.closed
    assert (found.totals["made"], found.totals["found"], found.totals["loaded"]) == (1, 5, 5)
    told = status(staging, {"new": {"keep"}})
    assert (told["items"], told["health"]["ok"], told["targets"]["new"]["loaded"]) == (5, 5, 5)


def test_no_filter_judges_what_we_wrote_ourselves(way: Road, staging: Staging) -> None:
    load(way, staging)
    assert {raw.read() for page in unread(staging, "any") for raw in page.values()}.isdisjoint(histories(way.new))
    assert sum(len(page) for page in unread(staging, "any")) == 5


def test_a_new_state_takes_the_place_of_the_old_one(way: Road, staging: Staging) -> None:
    load(way, staging)
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN, label="再対応", assignee=None))
    load(way, staging)
    assert {word for word in words(way.new)["1"] if "tag" not in word} == {"gw_open"}
    assert way.verify(staging).findings == 0


def test_a_state_that_a_person_changed_at_the_target_stays(way: Road, staging: Staging) -> None:
    load(way, staging)
    box = way.new.boxes["support", ("INBOX",)]
    number = next(number for number, mail in box.mails.items() if b"<1@mail" in mail.raw.read())
    way.new.flag("support", ("INBOX",), number, {"gw_waiting", "\\Seen"})
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN))
    load(way, staging)
    assert box.mails[number].flags == {"gw_waiting", "\\Seen"}


def test_a_changed_history_takes_the_place_of_the_old_one(way: Road, staging: Staging) -> None:
    load(way, staging)
    (before,) = histories(way.new)
    first = way.old.desks["support"].work["n1"].about
    way.old.desks["support"].tell(Note(key="n2", about=first, text="完了の電話", at=AT, by="sato"))
    load(way, staging)
    (after,) = histories(way.new)
    assert after != before
    assert way.ledger(staging).closed
    assert way.ledger(staging).totals["made"] == 1


def test_a_history_that_nobody_needs_any_more_is_taken_back(way: Road, staging: Staging) -> None:
    load(way, staging)
    for key in ("n1", "e1"):
        del way.old.desks["support"].work[key]
    del way.old.desks["support"].work["b1"]
    load(way, staging)
    assert histories(way.new) == []
    assert way.ledger(staging).closed


def test_rights_that_the_source_takes_away_are_revoked_and_others_given(way: Road, staging: Staging) -> None:
    load(way, staging)
    way.old.know(Principal(key="kato", name="加藤", login="kato"))
    way.old.desks["support"].join(Member(key="m1", principal="sato", rights=frozenset({Right.READ})))
    way.old.desks["support"].join(Member(key="m4", principal="kato", rights=frozenset({Right.REPLY})))
    load(way, staging)
    assert rights(way.new)["support/INBOX"] == {"sato": {Right.READ}, "kato": {Right.REPLY}}
    assert rights(way.new)["sales/INBOX"] == {"sato": ALL}


def test_rights_that_were_refused_are_asked_for_again_only_by_a_persons_word(way: Road, staging: Staging) -> None:
    way.old.know(Principal(key="kato", name="加藤", login="kato\n"))
    way.old.desks["support"].join(Member(key="m4", principal="kato", rights=frozenset({Right.READ})))
    way.old.desks["support"].join(Member(key="m5", principal="support", rights=frozenset({Right.READ})))
    way.old.know(Principal(key="support", name="窓口", login="support"))
    asked: list[str] = []
    way.new.interrupt = lambda moment: asked.append(moment) if moment == "grant" else None
    counts = load(way, staging)
    assert counts["setbacks"] == len({path for owner, path in way.new.boxes if owner == "support"})
    assert "support" not in way.new.rights["support", ("INBOX",)]  # its own mailbox
    asked.clear()
    assert load(way, staging)["setbacks"] == 0
    assert asked == []
    assert load(way, staging, retry=True)["setbacks"] == counts["setbacks"]


def test_words_that_a_place_refuses_are_a_setback_and_no_secret(way: Road, staging: Staging) -> None:
    def shrink(moment: str) -> None:
        if moment == "set state":
            way.new.holds = Holds(rights=ALL)

    way.new.interrupt = shrink
    counts = load(way, staging)
    assert counts["unable"] >= 2
    assert counts["setbacks"] == 2  # one for each place
    assert words(way.new) == {}


@pytest.mark.parametrize("folders", [True, False])
def test_mails_are_worked_on_some_at_a_time_and_none_is_left_out(
    way: Road, staging: Staging, monkeypatch: pytest.MonkeyPatch, *, folders: bool
) -> None:
    monkeypatch.setattr("migrator.staging.worded.AT_A_TIME", 1)
    way.new.holds = replace(way.new.holds, folders=folders)
    load(way, staging)
    assert "gw_by.sato" in {word for path in (*PLACES, ("INBOX", "完了")) for word in flags_in(way.new, path)}
    assert bool(way.new.mails("support", ("INBOX", "要確認")) if folders else words(way.new)["3"])
    assert +load(way, staging) == Counter()


def flags_in(world: World, path: tuple[str, ...]) -> set[str]:
    there = world.mails("support", path) if ("support", path) in world.boxes else []
    return {flag for each in there for flag in each.flags}


def test_words_go_when_the_target_is_to_hold_none(way: Road, staging: Staging) -> None:
    load(way, staging)
    way.new.holds = Holds(rights=ALL)
    load(way, staging)
    assert words(way.new) == {}
    assert way.verify(staging).findings == 0


def test_rights_that_a_person_changed_at_the_target_stay(way: Road, staging: Staging) -> None:
    load(way, staging)
    way.new.rights["support", ("INBOX",)]["sato"] = frozenset({Right.ADMIN})
    way.old.desks["support"].join(Member(key="m1", principal="sato", rights=frozenset({Right.READ})))
    for _ in range(2):
        load(way, staging)
        assert rights(way.new)["support/INBOX"] == {"sato": {Right.ADMIN}}


@pytest.mark.parametrize("now", [frozenset[Right](), frozenset({Right.READ}), ALL - {Right.DELETE}])
def test_verify_names_whoever_may_no_longer_do_just_what_we_let_them(
    way: Road, staging: Staging, now: frozenset[Right]
) -> None:
    way.new.make("support", ("INBOX",))
    way.new.rights["support", ("INBOX",)] = {"boss": frozenset({Right.READ})}
    load(way, staging)
    assert way.verify(staging).findings == 0
    way.new.rights["support", ("INBOX",)]["boss"] = ALL  # not of our giving
    assert way.verify(staging).findings == 0
    way.new.rights["support", ("INBOX",)]["sato"] = now
    if not now:
        del way.new.rights["support", ("INBOX",)]["sato"]
    assert way.verify(staging).findings == 1
    (found,) = findings(staging, last_run(staging))
    assert (found["kind"], found["place"], found["item"]) == ("rights", "INBOX", None)
    assert found["detail"] == {"who": "sato", "given": " ".join(sorted(ALL)), "is": " ".join(sorted(now))}
    assert way.ledger(staging).closed


def test_what_was_there_before_us_is_there_after_undo(way: Road, staging: Staging) -> None:
    way.new.make("support", ("INBOX",))
    way.new.rights["support", ("INBOX",)] = {"sato": frozenset({Right.READ}), "boss": ALL}
    load(way, staging)
    assert rights(way.new)["support/INBOX"]["sato"] == ALL
    counts, left = way.undo(staging, last_run(staging))
    assert left == []
    assert rights(way.new) == {"support/INBOX": {"sato": {Right.READ}, "boss": ALL}}
    assert not any(box.mails for box in way.new.boxes.values())
    assert counts["revoked"] == len(everywhere(way))


def test_a_wiped_rehearsal_takes_all_rights_words_and_histories_with_it(way: Road, staging: Staging) -> None:
    load(way, staging, target="new#1")
    load(way, staging, target="new#1")
    assert rights(way.new)
    assert histories(way.new)
    withdrawn(staging, way.opener, way.loading(target="new#1"))
    assert rights(way.new) == {}
    assert sum(len(way.new.mails(owner, path)) for owner in ACCOUNTS for path in PLACES) == 0
    again = load(way, staging, target="new#2", existing="send")
    assert again["granted"] == len(everywhere(way))
    assert way.ledger(staging, "new#2").closed
    assert words(way.new)


def test_undo_of_a_later_load_takes_back_its_states_and_leaves_the_mails(way: Road, staging: Staging) -> None:
    load(way, staging)
    first = words(way.new)
    desk = way.old.desks["support"]
    desk.tell(replace(desk.work["s1"], status=Status.OPEN))
    load(way, staging)
    assert words(way.new) != first
    way.undo(staging, last_run(staging))
    assert words(way.new) == first
    load(way, staging)
    assert "gw_open" in words(way.new)["1"]


def test_undo_spares_the_rights_that_a_person_changed(way: Road, staging: Staging) -> None:
    load(way, staging)
    run = last_run(staging)
    way.new.rights["support", ("INBOX",)]["sato"] = frozenset({Right.READ, Right.ADMIN})
    counts, _ = way.undo(staging, run)
    assert rights(way.new) == {"support/INBOX": {"sato": {Right.READ, Right.ADMIN}}}
    assert counts["rights_left"] == 1


def test_a_target_that_holds_nothing_gets_the_mails_alone(way: Road, staging: Staging) -> None:
    way.new.holds = Holds()
    load(way, staging)
    assert rights(way.new) == {}
    assert words(way.new) == {}
    assert way.new.legends == {}
    assert len(histories(way.new)) == 1


def test_without_an_address_no_history_is_written(way: Road, staging: Staging) -> None:
    load(way, staging, replace(SHARING, sender=None))
    assert histories(way.new) == []


@pytest.mark.parametrize(
    "moment", ["deliver", "delivered", "grant", "granted", "set state", "state set", "publish", "published"]
)
@pytest.mark.parametrize("after", [1, 2, 3])
def test_killed_anywhere_the_next_run_ends_where_an_unhurt_one_would(
    way: Road, staging: Staging, moment: str, after: int
) -> None:
    way.extract(staging)
    shared = told(staging)
    way.new.make("support", ("INBOX",))
    way.new.rights["support", ("INBOX",)] = {"sato": frozenset({Right.READ})}
    way.killed_load(staging, moment, after, shared=shared)
    way.load(staging, shared=shared)
    assert rights(way.new) == everywhere(way)
    assert {word for word in words(way.new)["1"] if "tag" not in word} == {"gw_closed", "gw_by.sato"}
    assert len(histories(way.new)) == 1
    assert max(way.new.stored.values()) == 1  # nothing was sent twice
    assert way.verify(staging).findings == 0
    for run in range(1, last_run(staging) + 1):
        way.undo(staging, run)
    assert rights(way.new) == {"support/INBOX": {"sato": {Right.READ}}}


def test_what_becomes_of_every_fact_is_said_before_anything_is_sent(way: Road, staging: Staging) -> None:
    way.extract(staging)
    sales, support = (each.read() for each in told(staging))
    full = Counter(each.fidelity.value for each in support.becomes(way.new.holds))
    none = Counter(each.fidelity.value for each in support.becomes(Holds()))
    assert full["dropped"] == none["dropped"] == 1
    assert full["exact"] > 5
    assert none["exact"] == none["label-only"] == 0
    assert {each.why.code for each in sales.becomes(Holds()) if each.why} == {"shared.right-not-held"}

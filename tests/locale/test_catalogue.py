"""Every code and every text of the house stands in the catalogues, and nothing else does."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import migrator
from migrator.locale import LANGUAGES, Language, catalogue, entries, template
from migrator.locale.tidy import CODE, PAGES, tidy, troubles

ROOT = Path(migrator.__file__).parent.parent


@cache
def nodes() -> list[tuple[Path, ast.AST]]:
    """All of the house's code, as syntax."""
    paths = [path for room in ("migrator", "adapters") for path in sorted((ROOT / room).rglob("*.py"))]
    return [(path, node) for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


@cache
def called(name: str) -> list[tuple[str, str, ast.Call]]:
    """Where a function of that name is called with a text as its first argument, that text, and the call."""
    found = []
    for path, node in nodes():
        match node:
            case ast.Call(func=ast.Name(id=known), args=[ast.Constant(value=str(text)), *_]) if known == name:
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", text, node))
    return found + (in_templates() if name == "_" else [])


def in_templates() -> list[tuple[str, str, ast.Call]]:
    """The texts that the pages' templates show."""
    paths = sorted((ROOT / "migrator").glob("*/templates/*.html"))
    assert paths
    none = ast.Call(ast.Name("_"), [], [])
    return [
        (path.name, ast.literal_eval(text), none)
        for path in paths
        for text in re.findall(r'\b_\(("(?:[^"\\]|\\.)*")\)', path.read_text(encoding="utf-8"))
    ]


@cache
def strings() -> set[str]:
    return {node.value for _, node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def codes(lang: Language) -> set[str]:
    return {msgid for msgid in catalogue(lang).texts if CODE.fullmatch(msgid)}


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_reason_has_its_sentence(lang: Language) -> None:
    missing = {f"{code} ({where})" for where, code, _ in called("Reason") if code not in codes(lang)}
    assert missing == set()


def test_every_repair_has_its_sentence() -> None:
    assert {text for text in strings() if re.fullmatch(r"repair\.[a-z0-9-]+", text)} <= codes("en")


def test_no_sentence_is_left_that_nobody_says() -> None:
    assert codes("en") | codes("ja") <= strings()


def test_no_sentence_names_what_its_reason_does_not_bring() -> None:
    wrong = set()
    for where, code, call in called("Reason"):
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # no **params
            wrong |= {f"{code} {{{name}}} ({where})" for name in places(catalogue("en").texts.get(code, "")) - given}
    assert wrong == set()


def test_both_languages_name_the_same_things() -> None:
    english, japanese = catalogue("en").texts, catalogue("ja").texts
    assert codes("en") == codes("ja")
    assert {code for code in codes("en") if places(english[code]) != places(japanese[code])} == set()
    texts = set(japanese) - codes("ja")
    assert {text for text in texts if places(text) != places(japanese[text])} == set()


def test_every_text_on_a_screen_is_in_japanese_too() -> None:
    missing = {f"{text} ({where})" for where, text, _ in called("_") if text not in catalogue("ja").texts}
    assert missing == set()


def test_no_text_is_left_that_no_screen_shows() -> None:
    assert set(catalogue("ja").texts) - codes("ja") - {text for _, text, _ in called("_")} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_entry_is_empty(lang: Language) -> None:
    assert [msgid for msgid, msgstr in catalogue(lang).texts.items() if not msgstr.strip()] == []


def test_english_is_written_once() -> None:
    assert set(catalogue("en").texts) == codes("en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_catalogue_is_tidy(lang: Language) -> None:
    text = template("migrator.po", lang)
    assert text == tidy(entries(text), lang), "run: python -m migrator.locale.tidy"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_troubles_page_is_fresh(lang: Language) -> None:
    page = (ROOT / "runbooks" / PAGES[lang]).read_text(encoding="utf-8")
    assert page == troubles(lang), "run: python -m migrator.locale.tidy"
    assert all(f"**{code}**" in page for code in codes(lang))

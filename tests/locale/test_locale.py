"""Which language is spoken, and what a Reason says in it."""

import io
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

import migrator.locale
from migrator.errors import Reason, UsageError
from migrator.locale import LANGUAGES, _, catalogue, entries, language, sentence, speak
from migrator.locale.tidy import tidy
from migrator.text import shown


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.eucJP"}, "ja"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "MIGRATOR_LANG": "ja"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "MIGRATOR_LANG": "klingon"}, "ja"),
    ],
)
def test_the_environment_chooses_the_language(environment: dict[str, str], expected: str) -> None:
    assert language(None, environment) == expected


def test_the_option_comes_before_the_environment() -> None:
    assert language("ja", {"MIGRATOR_LANG": "en"}) == "ja"


def test_an_option_for_a_language_we_do_not_speak_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        language("fr", {})
    assert caught.value.reason.code == "locale.unknown-language"


def test_a_reason_is_a_sentence_in_both_languages() -> None:
    reason = Reason("secret.env-missing", name="STAGING_PASSWORD")
    assert "STAGING_PASSWORD" in sentence(reason, "en")
    assert "環境変数 STAGING_PASSWORD" in sentence(reason, "ja")


names = st.text(alphabet="abcdefghij_", min_size=1)
params = st.dictionaries(names, st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4)


@given(code=st.text() | st.sampled_from(sorted(catalogue("en").texts)), params=params, lang=st.sampled_from(LANGUAGES))
def test_any_reason_at_all_has_a_sentence_of_one_line(code: str, params: dict, lang: migrator.locale.Language) -> None:
    text = sentence(Reason(code, **params), lang)
    assert text == shown(text)


def test_an_unknown_code_shows_itself_and_its_parameters() -> None:
    assert sentence(Reason("stranger.new", folder="受信箱", size=3), "ja") == "stranger.new (folder=受信箱, size=3)"


def test_a_parameter_cannot_fool_the_terminal() -> None:
    text = sentence(Reason("secret.env-missing", name="\x1b[2J\u202eevil\n"), "en")
    assert "\\x1b[2J\\u202eevil\\x0a" in text


def test_underscore_speaks_the_language_chosen() -> None:
    speak("ja")
    assert _("Show the version.") == "バージョンを表示します。"
    speak("en")
    assert _("Show the version.") == "Show the version."


@pytest.mark.parametrize("lang", LANGUAGES)
def test_our_reader_of_catalogues_reads_what_babel_reads(lang: migrator.locale.Language) -> None:
    path = Path(migrator.locale.__file__).parent / lang / "migrator.po"
    with path.open("rb") as file:
        messages = {message.id: message.string for message in read_po(file) if message.id}
    assert messages == catalogue(lang).texts


@given(
    texts=st.dictionaries(st.text(alphabet='ab\\"\n\t{}日', min_size=1), st.text(alphabet='ab\\"\n\t{}日', min_size=1))
)
def test_what_is_written_tidily_is_read_back(texts: dict[str, str]) -> None:
    written = tidy(texts, "ja")
    assert entries(written) == texts
    assert {each.id: each.string for each in read_po(io.BytesIO(written.encode())) if each.id} == texts

"""Puts the catalogues in order and writes the troubles pages from them: `python -m migrator.locale.tidy`."""

import re
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from migrator.locale import LANGUAGES, Language, catalogue, entries, template

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
"""A Reason's code; every other msgid is an English sentence."""

_HEAD = r"""# {title}
msgid ""
msgstr ""
"Language: {lang}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"""

_TITLES: Mapping[Language, str] = {
    "en": "English for migrator: the sentence of every Reason, by its code.",
    "ja": "migrator の日本語：Reason の文（コードで引く）と、そのほかの文言（英語の文で引く）。",
}

_INTRODUCTIONS: Mapping[Language, str] = {
    "en": """# Troubles: what each message means, and what to do now

Every message of migrator ends with its code in [brackets]; find it here by that code.
A name in ‹these marks› stands for what the message names.
Made from the catalogue by `python -m migrator.locale.tidy`: edit `migrator/locale/en/migrator.po`.
""",
    "ja": """# トラブル対処：メッセージの意味と、次にすること

migrator のメッセージの末尾には [コード] が付きます。そのコードでこのページを引いてください。
‹ › の部分には、実際のアカウント名やパスなどが入ります。
このページはカタログから作られます（`python -m migrator.locale.tidy`）。
修正するときは `migrator/locale/ja/migrator.po` を編集してください。
""",
}

PAGES: Mapping[Language, str] = {"en": "troubles.md", "ja": "troubles.ja.md"}


def tidy(texts: Mapping[str, str], lang: Language) -> str:
    """A catalogue as it should stand: codes first, then sentences, each sorted, one line each."""
    order = sorted(texts, key=lambda msgid: (CODE.fullmatch(msgid) is None, msgid))
    head = _HEAD.replace("{title}", _TITLES[lang]).replace("{lang}", lang)
    return head + "".join(f"\nmsgid {_quoted(msgid)}\nmsgstr {_quoted(texts[msgid])}\n" for msgid in order)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").replace("\t", r"\t")
    return f'"{escaped}"'


def troubles(lang: Language) -> str:
    """The troubles page: every code of the catalogue with its sentence, by room."""
    texts = catalogue(lang).texts
    codes = sorted(msgid for msgid in texts if CODE.fullmatch(msgid))
    page = _INTRODUCTIONS[lang]
    for room, inside in groupby(codes, key=lambda code: code.partition(".")[0]):
        page += f"\n## {room}\n"
        for code in inside:
            named = re.sub(r"\{(\w+)\}", r"‹\1›", texts[code])
            page += f"\n**{code}**  \n{named}\n"
    return page


def main() -> None:
    """Write both catalogues and both pages anew."""
    here = Path(__file__).parent
    for lang in LANGUAGES:
        (here / lang / "migrator.po").write_text(tidy(entries(template("migrator.po", lang)), lang), encoding="utf-8")
    for lang in LANGUAGES:
        (here.parent.parent / "runbooks" / PAGES[lang]).write_text(troubles(lang), encoding="utf-8")


if __name__ == "__main__":
    main()

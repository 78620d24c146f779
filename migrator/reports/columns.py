"""The columns of the ledger, in words."""

from collections.abc import Mapping

from migrator.locale import _


def column_words() -> Mapping[str, str]:
    """Each column in the language spoken now."""
    return {
        "found": _("found at the source"),
        "not_mail": _("no mail, by a rule"),
        "superseded": _("superseded by a later name"),
        "loaded": _("loaded"),
        "in_doubt": _("in doubt"),
        "fault": _("unreadable at the source"),
        "refused": _("refused by the target"),
        "held": _("held by a person"),
        "parked": _("parked"),
        "to_do": _("to do"),
        "made": _("made by us"),
        "extra": _("strangers' mail at the target"),
        "missing": _("missing at the target"),
        "unexplained_source": _("unexplained at the source"),
        "unexplained_target": _("unexplained at the target"),
    }

"""What one sender or list sends (`mail.streams`): what it has sent before speaks for or against its mails."""

from dataclasses import dataclass, field

DISCUSSION_SENDERS = 3
DISCUSSION_ANSWERS = 0.3
"""A list with so many people, or such a share of answers, is one on which people speak."""

FAN_OUT = 3
"""Accounts that got the same text."""

ANSWER = frozenset({"thread.reply", "thread.subject"})


@dataclass(frozen=True, slots=True)
class Standing:
    """What a mail's evidence for keeping comes to."""

    guarded: bool
    asking: bool
    protected: bool
    answers: bool


@dataclass(slots=True)
class Stream:
    """What is known of one stream."""

    is_list: bool = False
    mails: int = 0
    total: float = 0.0
    """Of all scores; a mail that is protected adds no more than nothing."""
    answers: int = 0
    guarded: int = 0
    asking: int = 0
    protected: int = 0
    senders: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The first few of those who send there: how many mails each, and the total of their scores."""
    texts: dict[int, tuple[str, ...] | str] = field(default_factory=dict)
    """The first accounts that each text went to; most went to one."""

    def add(self, score: float, standing: Standing, *, sender: str = "", account: str = "", text: str = "") -> None:
        """Take one of its mails into account; `text` is the same for mails that say the same."""
        self.mails += 1
        score = min(score, 0.0) if standing.guarded or standing.asking else score
        self.total += score
        self.answers += standing.answers
        self.guarded += standing.guarded
        self.asking += standing.asking
        self.protected += standing.protected
        if sender in self.senders or len(self.senders) < DISCUSSION_SENDERS:
            mails, total = self.senders.get(sender, (0, 0.0))
            self.senders[sender] = mails + 1, total + score
        if text:
            self._hear(hash(text), account)

    def fans_out(self, text: str) -> bool:
        """Whether the same was sent to several accounts."""
        heard = self.texts.get(hash(text), "") if text else ""
        return isinstance(heard, tuple) and len(heard) >= FAN_OUT

    def _hear(self, text: int, account: str) -> None:
        heard = self.texts.setdefault(text, account)
        accounts = (heard,) if isinstance(heard, str) else heard
        if account not in accounts and len(accounts) < FAN_OUT:
            self.texts[text] = (*accounts, account)

    @property
    def mean(self) -> float:
        """The score of its mails taken together."""
        return self.total / self.mails if self.mails else 0.0

    def mean_of(self, sender: str) -> float:
        """The score that counts for this sender's mails: on a list, nobody is judged by what another has sent."""
        if not self.is_list or len(self.senders) >= DISCUSSION_SENDERS:
            return self.mean
        mails, total = self.senders[sender]
        return total / mails

    @property
    def is_discussion(self) -> bool:
        """Whether people speak there."""
        many = len(self.senders) >= DISCUSSION_SENDERS
        return self.is_list and (many or self.answers >= DISCUSSION_ANSWERS * self.mails)

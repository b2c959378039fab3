"""Labels that people write themselves."""

import time

from bae.comsem import prompts
from bae.comsem.records import Label, Records, Subject
from bae.comsem.samples import flat


def keep_own(records: Records, subject: Subject, feature: int, text: str) -> Label:
    """Keep what a person says of a feature, on one line and cut to `prompts.LABEL_CHARACTERS`; it stands for the feature from then on.

    Raises ValueError for a text without a character.
    """
    text = flat(text)[: prompts.LABEL_CHARACTERS]
    if not text:
        raise ValueError("Write what the tokens share first; a label is at least one character.")
    number = records.keep_label(Label(0, subject, feature, text, "person", "", False, "", None, time.time(), None, None))
    # whoever writes a label wants to see it, also where another one was chosen before
    records.show(number)
    return records.label(number)

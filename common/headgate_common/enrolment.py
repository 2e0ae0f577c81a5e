"""The token of an enrolment: what an operator carries from a controller to a new host.

    hge_SECRET_FINGERPRINT_HOST

The fingerprint (SHA-256) is that of the CA by which the host knows, on first contact, that it talks to a controller of
the site; before that it does not show the secret.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Self

from headgate_common.pki import PkiError

_FORM = re.compile(r"hge_([0-9a-f]{32})_([0-9a-f]{64})_(.+)")


class Enrolment(NamedTuple):
    """A token, taken apart."""

    secret: str
    ca_fingerprint: str
    host: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the token that a text is.

        Raises:
            PkiError: it is none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise PkiError(
                "This is no token of an enrolment: it begins with hge_ and is made by `headgate pki invite`."
            )
        return cls(*found.groups())

    def __str__(self) -> str:
        """Return it as text."""
        return f"hge_{self.secret}_{self.ca_fingerprint}_{self.host}"

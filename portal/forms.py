"""What a submitted form holds, as text that can be stored: by field, every value that came with it."""

import re

from fastapi import Request
from starlette.datastructures import UploadFile

Form = dict[str, list[str]]

SWITCH = "_taal"
"""The button of a form that shows it in the other language, with what was typed. No question's key starts like this.

Its value says whether the form was refused before, so that nobody is told of what they did not get to yet.
"""

MAX_FIELDS = 500

# Control characters but tab and line ends: PostgreSQL keeps no NUL, and nobody typed the others. Lone surrogates are
# no text.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


async def read_form(request: Request) -> Form:
    """Read the form of a request. Files are refused; what is no text is dropped."""
    sent = await request.form(max_files=0, max_fields=MAX_FIELDS)
    form: Form = {}
    for key, value in sent.multi_items():
        if not isinstance(value, UploadFile):
            form.setdefault(key, []).append(_NOT_TEXT.sub("", value).replace("\r\n", "\n"))
    return form

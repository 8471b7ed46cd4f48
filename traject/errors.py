"""The faults that reach a person: each message says what, where and how to mend it."""


class TrajectError(Exception):
    """A fault with a clear sentence for a person. The CLI and the portal show it as it is."""


class InBoth(TrajectError):
    """Says its sentence in Dutch, and in English to who asks for that."""

    def __init__(self, dutch: str, english: str) -> None:
        super().__init__(dutch)
        self.english = english

    def in_language(self, language: str) -> str:
        """The sentence in `nl` or `en`."""
        return self.english if language == "en" else str(self)


def unread(error: OSError) -> str:
    """Why a file cannot be read, in Dutch, to follow its name."""
    return _UNREAD.get(type(error), "kan niet worden gelezen")


_UNREAD: dict[type[OSError], str] = {
    FileNotFoundError: "bestaat niet",
    IsADirectoryError: "is een map",
    PermissionError: "mag niet worden gelezen",
}


class WrongSetting(ValueError):
    """What one setting must be; `dutch` and `english` follow its name."""

    def __init__(self, dutch: str, english: str) -> None:
        super().__init__(english)
        self.dutch, self.english = dutch, english


class SettingsError(InBoth):
    """A setting is wrong; names the setting and the remedy."""


class StoreError(InBoth):
    """The database cannot be used; names it and the remedy."""


class Refused(InBoth):
    """What was asked is not possible now; nothing was changed."""

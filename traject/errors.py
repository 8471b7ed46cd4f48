"""The faults that reach a person: each message says what, where and how to mend it."""


class TrajectError(Exception):
    """A fault with a clear sentence for a person. The CLI and the portal show it as it is."""


class SettingsError(TrajectError):
    """A setting is wrong; names the setting and the remedy."""


class StoreError(TrajectError):
    """The database cannot be used; names it and the remedy."""


class Refused(TrajectError):
    """What was asked is not possible now; nothing was changed."""

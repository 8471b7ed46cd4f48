"""What every flow opens: the settings and the store, from the environment of the worker."""

from collections.abc import Generator
from contextlib import contextmanager

from traject.settings import Settings, load_settings
from traject.store import Store


@contextmanager
def opened() -> Generator[tuple[Store, Settings]]:
    """The store and the settings, for the length of one flow run."""
    settings = load_settings()
    store = Store(settings.database_url)
    try:
        yield store, settings
    finally:
        store.close()

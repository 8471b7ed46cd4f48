"""Prefect flows: thin, async, safe to run at any time and in any number."""

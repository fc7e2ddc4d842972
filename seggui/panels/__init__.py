"""Docks and dialogs: they show a value and emit an intent."""

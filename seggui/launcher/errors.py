"""The one error of the launcher."""


class LauncherError(Exception):
    """Preparation cannot go on; ``str(error)`` says why and what the user can do."""

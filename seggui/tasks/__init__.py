"""Every thread and child process of the window."""

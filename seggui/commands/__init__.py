"""The commands that open no window, one module each; loaded only when asked for."""

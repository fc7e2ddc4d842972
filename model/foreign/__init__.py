"""Networks from other people's files: read as data, rebuilt from listed parts, never executed."""

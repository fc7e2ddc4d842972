"""What happens before the program runs: environment, system libraries. No third-party import."""

"""Where the built-in pack lies; the official checkpoints may be put here too."""

"""Settings, how they are read, and the error family. Imports nothing of ours."""

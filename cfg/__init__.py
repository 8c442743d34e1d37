"""Settings, how they are read, and the error family. Imports nothing of ours."""

from cfg.privacy import send_nothing

send_nothing()  # here, as every way into the program comes by, before the libraries it is said to

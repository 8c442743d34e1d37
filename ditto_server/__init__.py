"""The web server: live faces in a browser. Nothing below imports it."""

import cfg  # noqa: F401 - before the libraries: cfg/privacy.py

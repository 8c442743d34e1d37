"""The web server: live faces in a browser. Nothing below imports it."""

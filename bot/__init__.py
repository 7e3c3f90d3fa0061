"""The Matrix side and the wiring. Imported by nobody."""

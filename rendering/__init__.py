"""Pixels in, pictures out; no network, no clock, no settings."""

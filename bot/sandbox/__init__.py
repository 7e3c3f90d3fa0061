"""Processes for jobs on bytes that nobody vouches for: how they are made, walled in, and talked to."""

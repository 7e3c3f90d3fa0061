"""Two people compare seven emoji, and know that nobody stands between their keys.

`flow` is the protocol without any I/O, `sas` its arithmetic, `desk` its place in the running bot.
"""

"""All commands: a new one is one new file here beside this one, one line below, and one test."""

from __future__ import annotations

from commands.audience import audience
from commands.cancel import cancel
from commands.find import find
from commands.help import help_
from commands.kit.registry import Registry
from commands.note import note
from commands.room import room
from commands.share import share
from commands.status import status
from commands.verify import verify
from commands.view import view

REGISTRY = Registry((find, share, note, view, status, cancel, audience, room, verify, help_))

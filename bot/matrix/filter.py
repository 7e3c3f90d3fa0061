"""What sync asks for. Fixed, so that the gate can know it."""

from __future__ import annotations

import json

FILTER = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "room": {
            "ephemeral": {"types": []},
            "account_data": {"types": []},
            "state": {"types": ["m.room.member"], "lazy_load_members": True, "include_redundant_members": True},
            "timeline": {"limit": 100},
        },
    },
    separators=(",", ":"),
)

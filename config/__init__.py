"""What the operator decides and what the bot must not lose. The ground floor: imports nothing of ours."""

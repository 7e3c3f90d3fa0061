"""What the operator decides, and where the bot keeps what it must not lose. The ground floor: imports nothing of ours."""

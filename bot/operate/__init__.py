"""What operators do besides running the bot: one file for each group of commands."""

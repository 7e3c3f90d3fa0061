"""Registry, parser, context and reply: what every command is made of."""

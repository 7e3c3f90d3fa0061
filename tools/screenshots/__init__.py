"""What the registrar sees on a phone: a real chat client, a real homeserver, a real bot."""

"""Who may have which study in which room."""

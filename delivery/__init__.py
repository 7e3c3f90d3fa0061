"""From a study to something a colleague can open."""

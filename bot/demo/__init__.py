"""A throw-away homeserver, three people and a synthetic study: the main job on one machine."""

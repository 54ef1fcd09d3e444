"""Evidence packs: what is stored of a version's period, sealed so that others can check it."""

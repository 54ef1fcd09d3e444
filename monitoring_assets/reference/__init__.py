"""What a version's reference sample says, made once."""

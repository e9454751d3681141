"""Whether a stored run bears itself out."""

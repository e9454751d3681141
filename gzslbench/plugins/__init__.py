"""What a plugin author writes against: hooks, specs, parameters, presets and the registry."""

"""Where data come from, by layout."""

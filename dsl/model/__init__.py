"""What a checked page is made of: units, spaces, facts, words and the terms that join them."""

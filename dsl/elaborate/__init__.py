"""From the tree of a page to words: names, kinds, constants, terms."""

"""Well-known weights in folders of the zoo: the one place where a pickle is read."""

"""What a run shows: `content` describes it, `page` writes it as one HTML file.

`pictures` and `tables` write its parts as files of their own.

Nothing is imported here, so that a command which writes no report does not pay for numpy and matplotlib.
"""

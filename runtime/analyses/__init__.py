"""The meaning of analysis words: numbers and curves about operators and methods."""

"""What people are shown of a page: the plan of a run, explanations of words and codes, templates, differences."""

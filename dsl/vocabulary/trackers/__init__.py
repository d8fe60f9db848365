"""Words for where a run can be watched: a module for each tracker."""

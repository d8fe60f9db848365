"""Where rows come from: pictures, phantoms, files, synthetic signals."""

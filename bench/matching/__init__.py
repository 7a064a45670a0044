"""Product matching on a labelled set: precision and recall per band."""

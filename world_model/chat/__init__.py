"""Language models: what is asked and answered, endpoints, recordings, and what asking may cost."""

"""The catalog's entities changed by commands: the same rules for people over HTTP and for services by themselves."""

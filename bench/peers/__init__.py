"""The peers: small programs, each as a competent engineer would write it with that library."""

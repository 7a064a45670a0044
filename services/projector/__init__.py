"""The service projector: from the fact topics into the read models."""

"""The search pipeline: search → enrich → score, one job at a time, each step's facts published and applied at once."""

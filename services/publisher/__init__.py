"""Publishing: approved drafts become live listings at their marketplaces."""

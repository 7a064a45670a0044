"""The accounts that we sell with, opened as sales channels: for whoever publishes listings or takes them off."""

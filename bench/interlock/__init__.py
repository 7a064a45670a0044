"""The interlock under load: how fast a sold unit is off everywhere, and whether it can be sold twice unnoticed."""

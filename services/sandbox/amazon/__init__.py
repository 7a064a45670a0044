"""The stand-in for Amazon: Login with Amazon, listings items, orders."""

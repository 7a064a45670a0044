"""The catalog: what people and programs may say about products, offers, listings, orders and what follows from them."""

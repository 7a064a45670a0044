"""The order desk: what marketplaces tell of orders, parcels and buyers' words becomes the catalog's work to be done."""

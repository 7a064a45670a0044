-- Which orders a marketplace's parcel belongs to, as the orders tell: a parcel itself may not say.
CREATE TABLE order_desk.parcels (
    marketplace text NOT NULL,
    shipment_id text NOT NULL,
    order_id    text NOT NULL,
    PRIMARY KEY (marketplace, shipment_id, order_id)
);

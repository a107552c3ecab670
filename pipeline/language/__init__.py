"""Language processing: what a customer's words say, once nothing personal is left in them."""

"""Who may read: OAuth2 clients, signing keys, access tokens and the strict gate that verifies them."""

"""Movie marts: an ETL command that turns deliveries into audited marts, and the API that serves them."""

__version__ = "0.1.0"

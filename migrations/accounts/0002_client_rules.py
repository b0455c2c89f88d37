"""What a client may do beyond its scopes: a rate of its own, and restrictions of what it may read."""

import sqlalchemy as sa
from alembic import op

revision = "accounts_0002"
down_revision = "accounts_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("client") as client:
        client.add_column(sa.Column("rate_limit", sa.Text))
        client.add_column(sa.Column("restrictions", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    with op.batch_alter_table("client") as client:
        client.drop_column("restrictions")
        client.drop_column("rate_limit")

"""find what is due by an index

Revision: 0002, after: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

INDEXES = (
    ('ix_people_agenda', 'people', ['id'], "agenda <> ''"),
    ('ix_evaluation_rounds_open', 'evaluation_rounds', ['closes_at'], "state = 'open'"),
    ('ix_steps_to_place', 'steps', ['starts_at', 'ends_at'], "kind = 'gathering' AND state = 'planned'"),
    ('ix_steps_to_choose', 'steps', ['acted_at'], "kind = 'gathering' AND state = 'planned' AND acted_at IS NOT NULL"),
    ('ix_steps_gatherings', 'steps', ['trajectory_id', 'state', 'starts_at'], "kind = 'gathering'"),
    ('ix_steps_yearly', 'steps', ['cycle', 'trajectory_id'], "kind = 'evaluation'"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)

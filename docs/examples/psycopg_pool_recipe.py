"""psycopg 3 with its pool: two pools for the life of the process. PGHOST and PGPORT list all
nodes, nearest first (conninfo_for('any') prints them); libpq finds out which is what."""
from psycopg.errors import ReadOnlySqlTransaction
from psycopg_pool import ConnectionPool

SETTINGS = {
    'autocommit': True,
    'connect_timeout': 2,       # per host: a dead machine answers nothing
    'tcp_user_timeout': 2000,   # what is sent is acknowledged within 2 s, or the connection is lost
    'keepalives_idle': 1, 'keepalives_interval': 1, 'keepalives_count': 2,
}
primary = ConnectionPool(min_size=0, max_size=10, timeout=15, max_idle=60, kwargs={
    **SETTINGS, 'target_session_attrs': 'read-write', 'options': '-c multiregion.report_token=on'})
near = ConnectionPool(min_size=0, max_size=10, timeout=15, max_idle=60, kwargs={
    **SETTINGS, 'target_session_attrs': 'prefer-standby'})

def write():
    """Writes, and returns what the reader needs: its token came with the commit."""
    with primary.connection() as connection:
        try:
            note = connection.execute('INSERT INTO note DEFAULT VALUES RETURNING id').fetchone()[0]
        except ReadOnlySqlTransaction:
            connection.close()  # it leads to a server that is the primary no more: not into the pool
            raise
        return note, connection.info.parameter_status('multiregion.session_token')

def read(token):
    """Reads near by, not before the commit of the token is there; else on the primary."""
    with near.connection() as connection:
        word = connection.execute("SELECT wait_for_token(%s, '1 s')", [token]).fetchone()[0]
        if word in ('success', 'not in recovery'):
            return connection.execute('SELECT max(id) FROM note').fetchone()[0]
    with primary.connection() as connection:
        return connection.execute('SELECT max(id) FROM note').fetchone()[0]

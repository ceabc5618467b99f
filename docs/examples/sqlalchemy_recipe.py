"""SQLAlchemy with psycopg2: two engines for the life of the process. PGHOST and PGPORT list all
nodes, nearest first (conninfo_for('any') prints them); libpq finds out which is what."""
import time
import psycopg2
from sqlalchemy import create_engine, event, text

def patient(target, options=''):
    """Connects, trying again for 15 s: without a connection nothing was sent, so that is safe."""
    def connect():
        until = time.monotonic() + 15
        while True:
            try:
                return psycopg2.connect(target_session_attrs=target, options=options, connect_timeout=2,
                                        tcp_user_timeout=2000, keepalives_idle=1, keepalives_interval=1, keepalives_count=2)
            except psycopg2.OperationalError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.2)
    return connect

def engine(target, options=''):
    made = create_engine('postgresql+psycopg2://', creator=patient(target, options), pool_size=10,
                         pool_pre_ping=True, pool_timeout=15)  # asks before it lends a connection

    @event.listens_for(made, 'handle_error')
    def leads_to_a_standby(context):
        if getattr(context.original_exception, 'pgcode', None) == '25006':
            context.is_disconnect = True  # it is the primary no more: all its connections go
    return made

primary = engine('read-write')
near = engine('prefer-standby')

def write():
    """Writes, and returns what the reader needs. psycopg2 shows no multiregion.session_token."""
    with primary.connect() as connection:
        with connection.begin():
            note = connection.execute(text('INSERT INTO note DEFAULT VALUES RETURNING id')).scalar()
        return note, connection.execute(text('SELECT session_token()')).scalar()

def read(token):
    """Reads near by, not before the commit of the token is there; else on the primary."""
    with near.connect().execution_options(isolation_level='AUTOCOMMIT') as connection:
        word = connection.execute(text("SELECT wait_for_token(:token, '1 s')"), {'token': token}).scalar()
        if word in ('success', 'not in recovery'):
            return connection.execute(text('SELECT max(id) FROM note')).scalar()
    with primary.connect() as connection:
        return connection.execute(text('SELECT max(id) FROM note')).scalar()

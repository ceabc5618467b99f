import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** JDBC with HikariCP: two pools for the life of the process. JDBC_HOSTS lists all nodes, nearest
    first, as host:port,host:port; the driver finds out which is what. */
public class Jdbc {
	private static HikariDataSource pool(String target) {
		HikariConfig config = new HikariConfig();
		config.setJdbcUrl("jdbc:postgresql://" + System.getenv("JDBC_HOSTS") + "/" + System.getenv("PGDATABASE")
			+ "?targetServerType=" + target
			+ "&hostRecheckSeconds=0"  // the driver believes for 10 s what a host was when it looked last
			+ "&connectTimeout=2"      // per host: a dead machine answers nothing
			+ "&loginTimeout=10"
			+ "&socketTimeout=10"      // of an answer: nor does a frozen server
			+ "&cancelSignalTimeout=2&tcpKeepAlive=true");
		config.setUsername(System.getenv("PGUSER"));
		config.setMaximumPoolSize(10);
		config.setMinimumIdle(0);
		config.setConnectionTimeout(15000);          // how long a caller waits for a primary
		config.setInitializationFailTimeout(-1);
		config.setValidationTimeout(2000);
		return new HikariDataSource(config);
	}

	private final HikariDataSource primary = pool("primary");
	private final HikariDataSource near = pool("preferSecondary");

	/** Writes; the id, and the token that the reader needs. */
	public Object[] write() throws SQLException {
		try (Connection connection = primary.getConnection()) {
			try {
				long id = number(connection, "INSERT INTO note DEFAULT VALUES RETURNING id");
				return new Object[] { id, text(connection, "SELECT session_token()", null) };
			} catch (SQLException problem) {
				if ("25006".equals(problem.getSQLState()))
					primary.evictConnection(connection); // it leads to a server that is the primary no more
				throw problem;
			}
		}
	}

	/** Reads near by, not before the commit of the token is there; else on the primary. */
	public long read(String token) throws SQLException {
		try (Connection connection = near.getConnection()) {
			String word = text(connection, "SELECT wait_for_token(?, '1 s')", token);
			if (word.equals("success") || word.equals("not in recovery"))
				return number(connection, "SELECT max(id) FROM note");
		}
		try (Connection connection = primary.getConnection()) {
			return number(connection, "SELECT max(id) FROM note");
		}
	}

	private static String text(Connection connection, String sql, String value) throws SQLException {
		try (PreparedStatement statement = connection.prepareStatement(sql)) {
			if (value != null)
				statement.setString(1, value);
			try (ResultSet rows = statement.executeQuery()) {
				rows.next();
				return rows.getString(1);
			}
		}
	}

	private static long number(Connection connection, String sql) throws SQLException {
		return Long.parseLong(text(connection, sql, null));
	}
}

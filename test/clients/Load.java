/** Load for the recipe Jdbc of docs/examples: clients that write, and read what they wrote, until
    standard input ends. java Load CLIENTS; prints a line an operation:
    CLIENT write|read BEGAN ENDED ok|stale|error WORDS   (times in ms since 1970) */
public class Load {
	private static volatile boolean stopped;
	private static final Jdbc recipe = new Jdbc();

	private static synchronized void say(int client, String name, long began, String words) {
		System.out.printf("%d %s %d %d %s%n", client, name, began, System.currentTimeMillis(), words);
		System.out.flush();
	}

	private static String words(Exception problem) {
		String state = problem instanceof java.sql.SQLException ? ((java.sql.SQLException) problem).getSQLState() : null;
		return "error " + (state == null ? problem.getClass().getSimpleName() : state) + " "
			+ String.valueOf(problem.getMessage()).replaceAll("\\s+", " ");
	}

	private static void run(int client) {
		while (!stopped) {
			String name = "write";
			long began = System.currentTimeMillis();
			try {
				Object[] written = recipe.write();
				say(client, name, began, "ok");
				name = "read";
				began = System.currentTimeMillis();
				long newest = recipe.read((String) written[1]);
				say(client, name, began, newest >= (Long) written[0] ? "ok" : "stale " + newest + " before " + written[0]);
			} catch (Exception problem) {
				say(client, name, began, words(problem));
			}
			java.util.concurrent.locks.LockSupport.parkNanos(100_000_000L);
		}
	}

	public static void main(String[] arguments) throws Exception {
		for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
			int client = i;
			new Thread(() -> run(client)).start();
		}
		while (System.in.read() >= 0) { }
		stopped = true;
		java.util.concurrent.locks.LockSupport.parkNanos(300_000_000L);
		System.exit(0);
	}
}

// Load for a recipe of docs/examples: clients that write, and read what they wrote, until
// standard input ends. node load.mjs RECIPE CLIENTS; prints a line an operation:
//   CLIENT write|read BEGAN ENDED ok|stale|error WORDS   (times in ms since 1970)
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

const { write, read } = await import(pathToFileURL(resolve(process.argv[2])));
let stopped = false;
process.stdin.on('end', () => { stopped = true; }).resume();

async function operate(client, name, operation) {
	const began = Date.now();
	const say = words => process.stdout.write(`${client} ${name} ${began} ${Date.now()} ${words}\n`);
	try {
		const [result, problem] = await operation();
		say(problem ?? 'ok');
		return result;
	} catch (error) {
		say(`error ${error.code ?? '-'} ${String(error.message).replace(/\s+/g, ' ').trim()}`);
		return undefined;
	}
}

async function run(client) {
	while (!stopped) {
		const written = await operate(client, 'write', async () => [await write()]);
		if (written) {
			await operate(client, 'read', async () => {
				const newest = Number(await read(written.token));
				return [newest, newest < Number(written.id) ? `stale ${newest} before ${written.id}` : null];
			});
		}
		await new Promise(done => setTimeout(done, 100));
	}
}

await Promise.all(Array.from({ length: Number(process.argv[3]) }, (_, client) => run(client)));
process.exit(0);
